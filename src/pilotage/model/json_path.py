"""A path into a JSON document, such as `$.data.items[*].rate`: keys, places in lists, and every member with `[*]`.

It is the part of JSONPath (RFC 9535) that names places and computes nothing, so its time is bounded by the document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pilotage.model.json import Json, find

_STEP = re.compile(r"""\.([A-Za-z_][\w-]*)|\[(\d{1,6}|-\d{1,6})\]|\["([^"\\]*)"\]|\['([^'\\]*)'\]|(\[\*\]|\.\*)""")
_MOST_STEPS = 32


class BadPath(ValueError):
    """The text is not a path into a JSON document."""


class _Every:
    """Every member of a list, or every value of an object."""


_EVERY = _Every()


@dataclass(frozen=True)
class JsonPath:
    """Raises BadPath."""

    text: str
    _steps: tuple[str | int | _Every, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_steps", tuple(_steps_of(self.text)))

    def all_in(self, document: object, most: int = 1000) -> tuple[Json, ...]:
        """What is in these places, in the order of the document, `most` at most; empty if it does not go that far."""
        found: list[object] = [document]
        for step in self._steps:
            found = [inner for one in found for inner in _inside(one, step)][:most]
        return tuple(find(one) for one in found)

    def first_in(self, document: object) -> Json:
        """The first of them; None without any."""
        return next(iter(self.all_in(document, 1)), None)


def _steps_of(text: str) -> Iterator[str | int | _Every]:
    if not text.startswith("$"):
        raise BadPath(f"{text!r} is not a path such as $.data.rate")
    place, count = 1, 0
    while place < len(text):
        step = _STEP.match(text, place)
        if step is None or count == _MOST_STEPS:
            raise BadPath(f"{text!r} is not a path such as $.data.items[*].rate: see {text[place : place + 20]!r}")
        key, number, quoted, single, every = step.groups()
        yield _EVERY if every else int(number) if number else next(it for it in (key, quoted, single) if it is not None)
        place, count = step.end(), count + 1


def _inside(one: object, step: str | int | _Every) -> Iterator[object]:
    if isinstance(step, _Every):
        yield from one if isinstance(one, list) else one.values() if isinstance(one, dict) else ()
    elif isinstance(step, int):
        if isinstance(one, list) and -len(one) <= step < len(one):
            yield one[step]
    elif isinstance(one, dict) and step in one:
        yield one[step]
