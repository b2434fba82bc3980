"""Errors of a configuration beyond its form: names of readiness items, environments and countries that do not exist.
All are found in one pass, each with its place, even if the form is wrong elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from pilotage.config.calendars import has_holidays
from pilotage.config.loading import load
from pilotage.config.yaml_reader import ConfigError, Document, Problem, content_of, read
from pilotage.model.json import Json, find
from pilotage.model.renamed import SETTINGS as RENAMED
from pilotage.plan.numbers import wrong_value
from pilotage.plan.readiness import NEVER_EXEMPT, every_item
from pilotage.readiness.gates import BY_EVIDENCE, BY_OURSELVES

_COUNTRY = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_SHOWN = 6
_Place = tuple[str | int, ...]


def check(path: Path) -> None:
    """Raises ConfigError with every problem of the file."""
    try:
        load(path)
    except ConfigError as error:
        found = list(error.problems)
    else:
        found = []
    try:
        document = read(content_of(path), str(path))
    except (OSError, ConfigError):
        pass  # `load` has said so already
    else:
        found += problems_in(document)
    if found:
        # Where the form is right, a name that stands for nothing may be told twice.
        raise ConfigError(str(path), list({(one.mark, one.path): one for one in reversed(found)}.values()))


def problems_in(document: Document) -> Iterator[Problem]:
    """Names that stand for nothing."""
    yield from _holidays(document)
    yield from _items(document)
    yield from _environments(document)
    yield from _overrides(document)


def _holidays(document: Document) -> Iterator[Problem]:
    for index, place in enumerate(_listed(document, "calendar", "holidays")):
        if isinstance(place, str) and _COUNTRY.fullmatch(place) and not has_holidays(place):
            message = f"{place!r} is not a country or region with known holidays, such as DE, DE-BY or US-CA"
            yield _problem(document, ("calendar", "holidays", index), message)


def _items(document: Document) -> Iterator[Problem]:
    known = sorted(every_item() | BY_EVIDENCE | BY_OURSELVES)
    named: list[tuple[str, _Place]] = [
        (name, ("readiness", section, name))
        for section in ("evidence", "not_for_us")
        for name in _keys(find(document.data, "readiness", section))
    ]
    never = _listed(document, "readiness", "waivers", "never")
    named += [(str(name), ("readiness", "waivers", "never", index)) for index, name in enumerate(never)]
    for name, path in named:
        if name not in known:
            close = get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"; did you mean {close[0]}?" if close else f"; such as {', '.join(known[:_SHOWN])}"
            yield _problem(document, path, f"no readiness item is called {name!r}{hint}")
        elif path[1] == "not_for_us" and name in NEVER_EXEMPT:
            message = "is required by your answers: change the answer, or waive it for one release"
            yield _problem(document, path, message)


def _environments(document: Document) -> Iterator[Problem]:
    known = _keys(find(document.data, "environments"))
    for service in _keys(find(document.data, "services")):
        known += _keys(find(document.data, "services", service, "environments"))
    if not known:
        return
    staging = find(document.data, "readiness", "staging")
    named: list[tuple[_Place, Json]] = [(("readiness", "staging"), staging)] if staging else []
    listed = _listed(document, "readiness", "environments")
    named += [(("readiness", "environments", index), name) for index, name in enumerate(listed)]
    for path, name in named:
        if isinstance(name, str) and name not in known:
            yield _problem(document, path, f"no environment is called {name!r}; there are {', '.join(known)}")


def _overrides(document: Document) -> Iterator[Problem]:
    """Numbers of the plan with a value that they cannot have; what is no single value is wrong in its form already."""
    places: list[_Place] = [("environments", name) for name in _keys(find(document.data, "environments"))]
    for service in _keys(find(document.data, "services")):
        within = ("services", service, "environments")
        places += [(*within, name) for name in _keys(find(document.data, *within))]
    for place in places:
        written = find(document.data, *place, "overrides")
        for path, value in written.items() if isinstance(written, dict) else ():
            if path in RENAMED or value is None or isinstance(value, dict):
                continue
            if wrong := wrong_value(path, value):
                yield _problem(document, (*place, "overrides", path), wrong)


def _problem(document: Document, path: _Place, message: str) -> Problem:
    """At the name: a key of a section, or else a value."""
    shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    key = document.keys.get(path) if path[1] in ("evidence", "not_for_us") else None
    return Problem(key or document.mark(path), message, shown)


def _keys(data: Json) -> list[str]:
    return [str(name) for name in data] if isinstance(data, dict) else []


def _listed(document: Document, *path: str) -> list[Json]:
    data = find(document.data, *path)
    return list(data) if isinstance(data, list) else []
