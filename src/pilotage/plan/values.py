"""A plan's setting as people write and read it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from pilotage.model.canonical import whole
from pilotage.model.plan import Unit
from pilotage.model.quantity import (
    format_duration,
    format_share,
    parse_duration,
    parse_share,
    percent_of,
    share_of_percent,
)
from pilotage.model.traffic import WHOLE, percent

Value = bool | int | float | str | tuple[int | float | str, ...]
SEGMENT_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,62}")
_COHORT = re.compile(_HEADER.pattern + r"=[!-~]{1,200}")


def read_value(unit: Unit, written: object) -> Value:
    """A setting's value from its written form. Raises ValueError that says what would be valid."""
    match unit:
        case Unit.SECONDS if isinstance(written, str | int | float):
            return parse_duration(written)
        case Unit.PERCENT if isinstance(written, str | int | float):
            return percent_of(parse_share(written))
        case Unit.WEIGHTS if isinstance(written, list | tuple):
            return tuple(map(percent, _weights(written)))
        case Unit.SEGMENTS if written == "none":
            return ()
        case Unit.SEGMENTS if isinstance(written, list | tuple):
            return segment_names(written)
        case Unit.FACTOR if isinstance(written, int | float) and not isinstance(written, bool):
            if 1 <= written < math.inf:
                return whole(written)
        case Unit.COUNT if isinstance(written, int) and not isinstance(written, bool) and written >= 0:
            return written
        case Unit.SWITCH if isinstance(written, bool):
            return written
        case Unit.CHOICE if written in ("rollback", "pause"):
            return str(written)
        case Unit.NAME | Unit.COHORT if written == "none":
            return ""
        case Unit.NAME if isinstance(written, str) and _HEADER.fullmatch(written):
            return written.lower()
        case Unit.COHORT if isinstance(written, str) and _COHORT.fullmatch(written):
            header, _, value = written.partition("=")
            return f"{header.lower()}={value}"
        case Unit.PORTION if isinstance(written, int | str) and not isinstance(written, bool):
            return _portion(written)
    wanted = {
        Unit.SECONDS: "a duration such as 30s or 4h",
        Unit.PERCENT: "a share such as 0.1%",
        Unit.WEIGHTS: "a list of shares such as [5%, 25%, 100%]",
        Unit.SEGMENTS: "a list of segments such as [internal, beta]",
        Unit.FACTOR: "a number of at least 1 such as 1.5",
        Unit.COUNT: "a whole number of at least 0",
        Unit.SWITCH: "true or false",
        Unit.CHOICE: "rollback or pause",
        Unit.NAME: "a header's name such as x-release",
        Unit.COHORT: "a header and its value such as x-tenant=acme",
        Unit.PORTION: "a number of instances such as 2 or a share such as 25%",
    }[unit]
    raise ValueError(f"{written!r} is not {wanted}")


def _weights(written: list[object] | tuple[object, ...]) -> tuple[int, ...]:
    numbers = [share for share in written if isinstance(share, int | float) and not isinstance(share, bool)]
    if any(number > 1 for number in numbers) or any(number == 1 for number in numbers[:-1]):
        meant = ", ".join(f"{share:g}%" if isinstance(share, int | float) else str(share) for share in written)
        raise ValueError(f"{list(written)!r} has numbers without %: write [{meant}]")
    shares = [parse_share(share) for share in written if isinstance(share, str | int | float)]
    weights = tuple(round(share * WHOLE) for share in shares)
    if len(shares) != len(written) or not weights or weights[-1] != WHOLE:
        raise ValueError(f"{list(written)!r} does not end at 100%")
    if any(a >= b for a, b in zip((0, *weights), weights, strict=False)):
        raise ValueError(f"{list(written)!r} does not rise at every step (the smallest step is 0.1%)")
    return weights


def segment_names(written: list[object] | tuple[object, ...]) -> tuple[str, ...]:
    """Names in order, each written as `beta` or `{segment: beta}`. Raises ValueError."""
    names: list[str] = []
    for one in written:
        name = one.get("segment") if isinstance(one, Mapping) and len(one) == 1 else one
        if not isinstance(name, str) or not SEGMENT_NAME.fullmatch(name):
            raise ValueError(
                f"{one!r} is not a segment: write its name, such as beta, with lower-case letters, digits and hyphens"
            )
        if name in names:
            raise ValueError(f"the segment {name} is named twice: name it once")
        names.append(name)
    return tuple(names)


def _portion(written: int | str) -> str:
    text = str(written).strip()
    if text.isdigit():
        return str(int(text))
    if not text.endswith("%"):
        raise ValueError(f"{written!r} is not a number of instances such as 2 or a share such as 25%")
    return format_share(parse_share(text))


_RULE = r"(?:[RC]\d{1,2}|rule \d{1,2}|the judge)"
_RULES = re.compile(rf" ?\(?{_RULE}(?:, {_RULE})*\)?(?:; )?")
DEFAULT = "default"


def origin(source: str) -> str:
    """Where a value comes from, for people: an answer or the line of an override, otherwise `default`. The rule numbers
    in `source` are for programs and for docs/explanation/rules.md."""
    return _RULES.sub("", source) or DEFAULT


def show_value(unit: Unit, value: Value) -> str:
    """A setting's value as people read it, in a form that `read_value` accepts."""
    match unit:
        case Unit.SECONDS if isinstance(value, int | float):
            return format_duration(value)
        case Unit.PERCENT if isinstance(value, int | float):
            return format_share(share_of_percent(value))
        case Unit.WEIGHTS if isinstance(value, tuple):
            return " → ".join(format_share(share / 100) for share in value if not isinstance(share, str))
        case Unit.SEGMENTS if isinstance(value, tuple):
            return " → ".join(map(str, value)) or "none"
        case Unit.FACTOR:
            return f"{value:g}×"
        case Unit.SWITCH:
            return "true" if value else "false"
        case _:
            return str(value) or "none"
