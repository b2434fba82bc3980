"""Files of environment variables in the dotenv form, read strictly: what tools read differently is refused.

A line is `NAME=value`, maybe with `export` before it and quotes around the value. Single quotes keep everything as it
is; between double quotes a backslash stands before n, t, r, a quote or a backslash. `${NAME}` is refused
outside of single quotes: python-dotenv and Docker Compose fill it in, systemd does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pilotage.adapters.ports import AdapterError

LARGEST = 256 << 10
"""Bytes of a file."""
MOST = 1000
"""Variables in a file."""
_LINE = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]{0,127})[ \t]*=[ \t]*(.*)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
_UNSEEN = "\x7f\x85\u2028\u2029"
"""Characters that some tools take for the end of a line."""
_HIDDEN = 8
"""Characters from which a value of a file is taken for a secret."""


def read_env_file(path: Path) -> dict[str, str]:
    """The variables of a file. Raises AdapterError, with the line and nothing of a value."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise AdapterError(f"the env file {path} cannot be read: {error.strerror}") from None
    if len(content) > LARGEST:
        raise AdapterError(f"the env file {path} is larger than {LARGEST >> 10} KiB")
    try:
        return parse_env(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise AdapterError(f"the env file {path} is not UTF-8 text") from None
    except ValueError as error:
        raise AdapterError(f"{path}:{error}") from None


def parse_env(text: str) -> dict[str, str]:
    """The variables of a text; of two with the same name the last one. Raises ValueError such as
    `3: a value ends after its quotes`, with nothing of a value."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        stripped = line.strip(" \t")
        try:
            if any((ord(c) < 32 and c != "\t") or c in _UNSEEN for c in line):
                raise ValueError("a control character; write it as \\n between double quotes")
            if not stripped or stripped.startswith("#"):
                continue
            name, value = _variable(stripped)
        except ValueError as error:
            raise ValueError(f"{number}: {error}") from None
        found[name] = value
        if len(found) > MOST:
            raise ValueError(f"{number}: more than {MOST} variables")
    return found


def _variable(line: str) -> tuple[str, str]:
    match = _LINE.fullmatch(line)
    if match is None or match[1] == "export":
        raise ValueError("not a line such as NAME=value")
    name, written = match.groups()
    if written[:1] == "'":
        return name, _quoted(written[1:], "'")
    if written[:1] == '"':
        return name, _quoted(written[1:], '"')
    value = re.split(r"[ \t]#", written, maxsplit=1)[0].rstrip(" \t")
    if value.startswith("#") or any(c in "'\"\\" or (c.isspace() and c not in " \t") for c in value):
        raise ValueError(f"{name}: put a value with quotes, backslashes, strange spaces or # between single quotes")
    _refuse_places(value, name)
    return name, value


def _quoted(written: str, quote: str) -> str:
    """What is between the quotes; behind them only a comment may follow."""
    value, position = [], 0
    while position < len(written) and written[position] != quote:
        if quote == '"' and written[position] == "\\":
            escaped = written[position + 1 : position + 2]
            if escaped not in _ESCAPED or not escaped:
                raise ValueError(
                    f"only {' '.join(f'{chr(92)}{c}' for c in _ESCAPED)} have a meaning between double quotes"
                )
            value.append(_ESCAPED[escaped])
            position += 2
            continue
        if written[position] == "\\" and written[position + 1 : position + 2] in ("'", "\\"):
            raise ValueError("a backslash before a quote or a backslash; put the value between double quotes")
        if quote == '"':
            _refuse_places(written[position : position + 2], "the value")
        value.append(written[position])
        position += 1
    if position == len(written):
        raise ValueError(
            f"the value has no closing {quote} on its line; write \\n between double quotes for a new line"
        )
    after = written[position + 1 :].strip(" \t")
    if after and not after.startswith("#"):
        raise ValueError("the value goes on after its closing quote")
    return "".join(value)


def _refuse_places(value: str, what: str) -> None:
    if "${" in value:
        raise ValueError(f"{what}: ${{…}} is not filled in; write the value itself, or put it between single quotes")


def secrets_in(variables: Mapping[str, str]) -> Iterator[str]:
    """What must not be shown of them: every value of a length that no common word has by chance, and passwords in
    addresses."""
    for value in variables.values():
        if len(value) >= _HIDDEN:
            yield value
        yield from _passwords((value,))


def _passwords(values: Iterable[str]) -> Iterator[str]:
    for value in values:
        try:
            password = urlsplit(value).password
        except ValueError:
            continue
        if password:
            yield password
