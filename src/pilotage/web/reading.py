"""Reads what a request carries: its body within limits of size and time, JSON without surprises, queries, forms."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import ClientDisconnect, Request

from pilotage.model.errors import Invalid
from pilotage.model.text import control_in, line
from pilotage.web.problem import Refused

LARGEST = 1_000_000
"""Bytes of a body."""

_READ_ON = 16_000_000
"""Bytes that are read and thrown away: a client that is cut off while it sends never reads why."""

_NUMBERS = 2**31
"""No store has a number as large."""

PATIENCE = 30.0
"""Seconds within which a body has to arrive."""

_T = TypeVar("_T")
_Q = TypeVar("_Q", bound=msgspec.Struct)


class TooLarge(Refused):
    """The body has more bytes than any request needs."""

    exit_status, http_status = 2, 413
    closes = True


class TooSlow(Refused):
    """The body did not arrive in time."""

    exit_status, http_status = 6, 408
    closes = True


class WrongMediaType(Refused):
    """The body is not of the type that this route takes."""

    exit_status, http_status = 2, 415


async def body_of(request: Request, patience: float = PATIENCE) -> bytes:
    """The body, kept only as far as it may be long. Raises TooLarge, TooSlow."""
    found, length = bytearray(), 0
    try:
        async with asyncio.timeout(patience):
            async for chunk in request.stream():
                length += len(chunk)
                if length <= LARGEST:
                    found += chunk
                if length > _READ_ON:
                    break
    except (TimeoutError, ClientDisconnect):
        raise TooSlow(f"the body did not arrive within {patience:g} s") from None
    if length > LARGEST:
        raise TooLarge(f"the body has more than {LARGEST:,} bytes")
    return bytes(found)


def refuse_odd_address(request: Request) -> None:
    """Names of things hold no control characters: none in the path, none in the parameters. Raises Invalid."""
    if found := control_in(request.scope["path"], lines=False):
        raise Invalid(f"the path has the control character {found}")
    for name, value in request.query_params.multi_items():
        for text in (name, value):
            if found := control_in(text, lines=False):
                raise Invalid(f"the parameter {line(name, 100)!r} has the control character {found}")


def json_body(
    media: str, body: bytes, type_: type[_T], as_they_come: frozenset[str] = frozenset()
) -> _T:  # fmt: skip
    """as_they_come: fields whose texts may hold anything. Raises WrongMediaType, Invalid: also for what JSON leaves
    open, such as the same key twice."""
    kind = media.partition(";")[0].strip().lower()
    if kind != "application/json":
        raise WrongMediaType(f"this route takes application/json, not {kind or 'a body without a type'}")
    try:
        found = msgspec.json.decode(body, type=type_)
        given = json.loads(body, object_pairs_hook=_once_each)
    except RecursionError:
        raise Invalid("the body is nested too deeply") from None
    except ValueError as error:  # msgspec's errors and wrong UTF-8 are ValueErrors
        raise Invalid(str(error)) from None
    if isinstance(given, dict):
        _refuse_control([(f"Object's field `{name}`", one) for name, one in given.items() if name not in as_they_come])
    return found


def _refuse_control(texts: list[tuple[str, object]]) -> None:
    """Raises Invalid for a text that has a control character, however deep it lies."""
    while texts:
        where, one = texts.pop()
        match one:
            case str():
                if found := control_in(one, lines=True):
                    raise Invalid(f"{where} has the control character {found}")
            case list():
                texts.extend((where, inner) for inner in one)
            case dict():
                texts.extend((where, inner) for pair in one.items() for inner in pair)
            case _:
                pass


def _once_each(pairs: list[tuple[str, object]]) -> Mapping[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"Object contains the field `{twice[:100]}` twice")
    return found


def query_of(pairs: list[tuple[str, str]], type_: type[_Q]) -> _Q:
    """Raises Invalid."""
    if len(dict(pairs)) < len(pairs):
        names = [name for name, _ in pairs]
        raise Invalid(f"the parameter {next(one for one in names if names.count(one) > 1)[:100]!r} stands twice")
    known = type_.__struct_encode_fields__
    if strange := next((name for name, _ in pairs if name not in known), ""):
        takes = f"it takes {', '.join(known)}" if known else "it takes none"
        raise Invalid(f"there is no parameter {strange[:100]!r} here; {takes}")
    try:
        found = msgspec.convert(dict(pairs), type=type_, strict=False)
    except ValueError as error:
        raise Invalid(str(error)) from None
    for name, value in msgspec.structs.asdict(found).items():
        if isinstance(value, int) and abs(value) >= _NUMBERS:
            raise Invalid(f"the parameter {name!r} is larger than any number that Pilotage gave to something")
    return found


def form_of(body: bytes) -> Mapping[str, str]:
    """Raises Invalid."""
    try:
        found = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=1000))
    except ValueError as error:
        raise Invalid(f"this is no form: {error}") from None
    for name, value in found.items():
        for text in (name, value):
            if control := control_in(text, lines=True):
                raise Invalid(f"the field {line(name, 100)!r} has the control character {control}")
    return found
