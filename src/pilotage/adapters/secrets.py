"""Secrets by reference: `secret://env/NAME`, `secret://file/PATH`. Read when they are used, never kept, never shown."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from pilotage.adapters.ports import AdapterError

_LIMIT = 64 * 1024
_LEAST = 4
"""Characters of a secret that is concealed."""


class Secret:
    """A value that is shown only by an explicit `reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, _: str) -> str:
        return "Secret(…)"


def concealed(text: str, secrets: Iterable[str]) -> str:
    """The text without any of these values, which a program may print when it fails. One of few characters stays: it
    is found in other words, too."""
    for value in sorted(secrets, key=len, reverse=True):
        if len(value) >= _LEAST:
            text = text.replace(value, "(secret)")
    return text


def resolve(reference: str) -> Secret:
    """The secret a reference leads to. Raises AdapterError, which names the reference and nothing of the value."""
    kind, _, name = reference.removeprefix("secret://").partition("/")
    if kind == "env":
        value = os.environ.get(name, "").strip("\r\n")
        if not value:
            raise AdapterError(f"the environment variable {name} holds nothing")
        return Secret(value)
    path = Path(name if name.startswith("/") else f"/{name}") if kind == "file" else Path()
    try:
        content = path.read_bytes()[:_LIMIT].decode().strip()
    except (OSError, ValueError) as error:
        raise AdapterError(f"the secret file {path} cannot be read: {type(error).__name__}") from None
    if not content:
        raise AdapterError(f"the secret file {path} is empty")
    return Secret(content)
