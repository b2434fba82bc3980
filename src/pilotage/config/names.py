"""The names in a configuration: which services there are, and their environments. Enough for who only reads records,
without the models that check everything else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pilotage.config.yaml_reader import ConfigError, content_of, read
from pilotage.model.json import Json

NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


@dataclass(frozen=True, kw_only=True)
class Names:
    """environments: by service · several: whether the file names services, of which one must be chosen."""

    environments: Mapping[str, tuple[str, ...]]
    several: bool


def names_in(path: Path) -> Names | None:
    """None where the file is not plainly what it should be: then the models say what is wrong. Raises nothing else."""
    try:
        document = read(content_of(path), str(path))
    except (OSError, ConfigError):
        return None
    whole = document.data
    if document.problems or not isinstance(whole, dict):
        return None
    services = whole.get("services")
    if services is not None and not isinstance(services, dict):
        return None
    service = whole.get("service")
    if not services and not isinstance(service, str):
        return None
    found = {name: _environments(section) for name, section in (services or {str(service): whole}).items()}
    if not all(isinstance(name, str) and NAME.fullmatch(name) and places for name, places in found.items()):
        return None
    return Names(environments=found, several=bool(services))


def _environments(section: Json) -> tuple[str, ...]:
    places = section.get("environments") if isinstance(section, dict) else None
    if not isinstance(places, dict) or not all(isinstance(name, str) and NAME.fullmatch(name) for name in places):
        return ()
    return tuple(places)
