"""Verifies every environment of a store that nobody works with, such as one that was just restored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pilotage.adapters.keys import known_keys
from pilotage.engine.integrity.custody import Custody
from pilotage.engine.integrity.testimony import Grade
from pilotage.engine.integrity.verification import Place, verify
from pilotage.engine.placement.places import known
from pilotage.engine.records import audit
from pilotage.engine.records.database import connect_database
from pilotage.engine.records.ways import broken_ways
from pilotage.model.text import clean


@dataclass(frozen=True, kw_only=True)
class WholeStore:
    """rollouts, events: how many were read · changed: a sentence for each record that is not what was written."""

    rollouts: int
    events: int
    changed: tuple[str, ...]


def verify_file(folder: Path) -> WholeStore:
    """Verify the SQLite store of a folder against the keys beside it. Anchors are left out: they know records that are
    younger than a backup."""
    engine = connect_database(folder, f"sqlite:///{folder / 'pilotage.sqlite'}")
    rollouts, events, changed = 0, 0, list[str]()
    try:
        for service, environment in known(engine):
            place = Place(
                service=service, environment=environment, directory=folder, custody=Custody(), keys=known_keys(folder)
            )
            found = verify(engine, place)
            rollouts, events = rollouts + found.rollouts, events + found.events
            changed += [str(one) for one in found.of(Grade.CHANGED)]
            changed += [f"{way}: {why}" for way, why in broken_ways(engine, service, environment)]
        changed += audit.check(engine).faults
    finally:
        engine.dispose()
    return WholeStore(rollouts=rollouts, events=events, changed=tuple(map(clean, changed)))
