"""Messages inside an application: one JSON Feed 1.1 for each version and cohort, as files (https://jsonfeed.org).

An application polls the feed of the version that it is, so that users read of a version only once they have it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from pilotage.adapters.files import read_leniently, write_durably
from pilotage.adapters.notifier import Delivery
from pilotage.adapters.notify.pages import inside
from pilotage.adapters.outgoing import Undelivered
from pilotage.model.json import Json, JsonObject, WrongJson, each, object_at
from pilotage.model.message import Message
from pilotage.model.text import line, plain
from pilotage.model.timestamp import timestamp

if TYPE_CHECKING:
    from pilotage.adapters.notify.publishing import InAppSection

_FEED = "https://jsonfeed.org/version/1.1"
_TEXT = 10_000


class InApp:
    def __init__(self, section: InAppSection) -> None:
        self._section = section

    def send(self, delivery: Delivery) -> JsonObject:
        message, name = delivery.message, feed_of(delivery.message, self._section.cohort)
        path = inside(Path(self._section.folder), name)
        try:
            items = [item(message), *(one for one in _items(path) if one.get("id") != message.key)]
            write_durably(path, feed(message, items[: self._section.most]), shared=True)
        except OSError as error:
            raise Undelivered(f"{path} cannot be written: {error.strerror or error}") from None
        return {"feed": name}


def feed_of(message: Message, cohort: str | None) -> str:
    """The path of the feed below the folder: SERVICE/VERSION.json, or SERVICE/VERSION.COHORT.json."""
    named = f"{message.version}.{cohort}" if cohort else message.version
    return f"{quote(message.service, safe='')}/{quote(line(named, 200), safe='')[:200]}.json"


def item(message: Message) -> JsonObject:
    """One message of a feed, as text: an application escapes it for itself."""
    return {
        "id": message.key,
        "title": line(message.title, 200),
        "content_text": plain(message.text, _TEXT),
        "date_published": timestamp(message.at),
        "tags": [line(message.key.rpartition("/")[2], 100)],
    }


def feed(message: Message, items: list[JsonObject]) -> bytes:
    """The whole file."""
    made: dict[str, Json] = {
        "version": _FEED,
        "title": line(f"{message.service} {message.version}", 200),
        "items": list(items),
    }
    return json.dumps(made, ensure_ascii=False, indent=1).encode() + b"\n"


def _items(path: Path) -> list[JsonObject]:
    """What is in the feed; nothing where it is no feed."""
    try:
        return each(object_at, read_leniently(path), "items")
    except WrongJson:
        return []
