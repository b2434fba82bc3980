"""A message as a page of documentation, and its place in a folder."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from urllib.parse import quote

from pilotage.adapters.outgoing import Undelivered
from pilotage.model.message import Message
from pilotage.model.text import line, plain

_TEXT = 100_000
_HTML = re.compile(r"&|<(?=[A-Za-z/!?])")
"""What would begin HTML, which most readers of Markdown pass on to browsers."""


def path_of(pattern: str, message: Message) -> str:
    """The path of a message's page. Values become one part of it each, whatever they hold."""
    values = {
        "service": message.service,
        "environment": message.environment,
        "version": message.version,
        "item": message.key.rpartition("/")[2],
    }
    for name, value in values.items():
        pattern = pattern.replace(f"{{{name}}}", quote(line(value, 200), safe="")[:200])
    return pattern


def page_of(message: Message) -> bytes:
    """The page: Markdown, without HTML, and with the message's key in a comment at its end."""
    key = re.sub(r"[^A-Za-z0-9._+~/-]|--+", "-", line(message.key, 300))
    text = f"# {_markdown(line(message.title, 200))}\n\n{_markdown(plain(message.text, _TEXT))}\n\n<!-- {key} -->\n"
    return text.encode()


def _markdown(text: str) -> str:
    return _HTML.sub(lambda found: "&amp;" if found[0] == "&" else "&lt;", text)


def inside(folder: Path, name: str) -> Path:
    """The place of a file below a folder. Raises Undelivered where a link leads out of it."""
    place = folder / name
    try:
        if not place.parent.resolve().is_relative_to(folder.resolve()) or folder.is_symlink():
            raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    except (OSError, RuntimeError):
        raise Undelivered(f"{place} is a link, or leads out of {folder}", permanent=True) from None
    return place
