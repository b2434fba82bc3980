"""Sends all users of the embedded Traefik to one version, using only the router's own file.

For when nothing else can be read or written: no store, no plan, no configuration, perhaps no disk space. Cookies,
middlewares and the service of the version in the file stay; only where users are led changes. Nothing is started.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from pathlib import Path

from pilotage.adapters.alone import alone_in
from pilotage.adapters.files import read_leniently, write_over
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.traefik import FILE
from pilotage.adapters.routers.traefik_config import Settings, configuration, text_of, version_in
from pilotage.adapters.routers.traefik_process import DYNAMIC, USERS, api_in
from pilotage.adapters.routers.traefik_read_back import endpoints_of, ours_in, split_of
from pilotage.model.json import Json, JsonObject, find, object_at, optional
from pilotage.model.traffic import WHOLE, Split

_DEADLINE = 3.0
_SETTINGS = Settings(entry_points=(USERS,))


def split_there(directory: Path) -> Split | None:
    """The split in the file of `directory`, or otherwise the one that Traefik reports; None if neither can be read."""
    for source in (_written, _served):
        with contextlib.suppress(AdapterError, ValueError):
            if (found := split_of(source(directory), _SETTINGS.prefix)) is not None:
                return found
    return None


def addresses_there(directory: Path, version: str) -> tuple[tuple[str, int], ...]:
    """Where the router's file says that instances of `version` are."""
    with contextlib.suppress(ValueError):
        return tuple(endpoints_of(_written(directory)).get(version, ()))
    return ()


def lead_all(directory: Path, version: str, instances: Iterable[tuple[str, int]]) -> bool:
    """Write the file so that every request goes to `version`. Returns whether Traefik itself says that it is so; False
    when it does not answer. Raises AdapterError when it cannot be written."""
    split = Split(((version, WHOLE),))
    before = read_leniently(directory / DYNAMIC / FILE)
    made = configuration(_settings_of(before), split, {version: tuple(instances)}, "")
    # A worker either writes its outdated goal before this, or finds the note.
    with alone_in(directory / DYNAMIC):
        try:
            write_over(directory / DYNAMIC / FILE, text_of(_with(before, made, version)))
        except OSError as error:
            raise AdapterError(f"{directory / DYNAMIC / FILE} cannot be written: {error.strerror}") from error
    until = time.monotonic() + _DEADLINE
    while time.monotonic() < until:
        try:
            if split_of(_served(directory), _SETTINGS.prefix) == split:
                return True
        except AdapterError:
            return False
        except ValueError:
            pass
        time.sleep(0.03)
    return False


def _settings_of(before: Json) -> Settings:
    """As far as the file tells them: the cookie decides whether users keep theirs."""
    cookie = find(before, "http", "services", _SETTINGS.named(USERS), "weighted", "sticky", "cookie", "name")
    named = [
        header
        for name, value in _part(before, "middlewares").items()
        if name.startswith(_SETTINGS.named("name-"))
        for header in optional(object_at, value, "headers", "customResponseHeaders") or ()
    ]
    http2 = any("h2c://" in str(value) for value in _part(before, "services").values())
    return Settings(
        entry_points=(USERS,),
        cookie=cookie if isinstance(cookie, str) else "",
        version_header=next(iter(named), ""),
        http2=http2,
    )


def _with(before: Json, made: JsonObject, version: str) -> JsonObject:
    """What was made, with what the file says of timeouts, and of other versions: requests in flight end there."""
    mine = object_at(made, "http")
    lasting = {kind: {**object_at(mine, kind), **_part(before, kind)} for kind in ("middlewares", "serversTransports")}
    prefix = f"{_SETTINGS.prefix}."
    others = {
        name: value
        for name, value in _part(before, "services").items()
        if version_in(name.removeprefix(prefix)) not in (None, version)
    }
    return {"http": {**mine, **lasting, "services": {**others, **object_at(mine, "services")}}}


def _part(before: Json, kind: str) -> JsonObject:
    found = find(before, "http", kind)
    return object_at(found) if isinstance(found, dict) else {}


def _written(directory: Path) -> JsonObject:
    return ours_in(read_leniently(directory / DYNAMIC / FILE), _SETTINGS.prefix)


def _served(directory: Path) -> JsonObject:
    return ours_in(api_in(directory).served(), _SETTINGS.prefix)
