"""What a bundle of an incident proves to a reader who has nothing else: that nothing in it was changed since it was
signed, that its events are the chain of the rollout, and that its plan is the one that was executed.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pilotage.adapters.bundle import Unpacked, unpack
from pilotage.app.incidents import EVENTS, INCIDENT, PLAN
from pilotage.engine.integrity.chain import broken_link
from pilotage.model.json import Json, text_at, whole_at
from pilotage.model.plan_formats import read_document
from pilotage.model.readiness import BadBundle
from pilotage.model.record import Recorded


@dataclass(frozen=True, kw_only=True)
class IncidentAudit:
    """sha256: of the archive · key: id of the key that signed it, empty for none · known: that key is one of those the
    reader trusts · faults: what does not follow from what is in it."""

    rollout: str
    sentence: str
    sha256: str
    files: int
    events: int
    key: str
    known: bool
    faults: tuple[str, ...]


def verify_incident(path: Path, *, keys: Iterable[str] = (), strict: bool = False) -> IncidentAudit | None:
    """Check a bundle of an incident by itself; None for a bundle of something else. strict: another signature than one
    of `keys`, or none, is a fault. Raises BadBundle for what is no bundle, and ChangedBundle for one that was
    changed."""
    with tempfile.TemporaryDirectory(prefix="pilotage-audit-") as place:
        contents = unpack(path, Path(place))
        if INCIDENT not in contents.files:
            return None
        try:
            return _audit(contents, frozenset(keys), strict=strict)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise BadBundle(f"{path}: not written by Pilotage: {error}") from None


def _audit(contents: Unpacked, trusted: frozenset[str], *, strict: bool) -> IncidentAudit:
    told: Json = json.loads(contents.read(INCIDENT))
    events = [_event(json.loads(line)) for line in contents.read(EVENTS).splitlines()]
    key = contents.signed.key if contents.signed else ""
    faults = [*(_signer(key, trusted) if strict else ()), *_faults(told, events, contents)]
    where = f"{text_at(told, 'service')} {text_at(told, 'version')} in {text_at(told, 'environment')}"
    return IncidentAudit(
        rollout=text_at(told, "rollout"), sentence=f"{where}: {text_at(told, 'status')}: {text_at(told, 'reason')}",
        sha256=contents.sha256, files=len(contents.files), events=len(events), key=key, known=key in trusted,
        faults=tuple(faults),
    )  # fmt: skip


def _event(said: dict[str, Json]) -> Recorded:
    return Recorded(**said)  # type: ignore[arg-type]  # each value is what the chain's hash says, or the chain is broken


def _signer(key: str, trusted: frozenset[str]) -> Iterator[str]:
    if key not in trusted:
        yield f"it is signed with the key {key}, not with the given key" if key else "it has no signature"


def _faults(told: Json, events: list[Recorded], contents: Unpacked) -> Iterator[str]:
    plan = text_at(told, "plan")
    if fault := broken_link(plan, text_at(told, "head"), whole_at(told, "events"), events):
        yield fault
    if any(event.rollout != text_at(told, "rollout") for event in events):
        yield "its events are those of another rollout"
    if (made := read_document(contents.read(PLAN).decode()).hash) != plan:
        yield f"the plan's hash is {made[:12]}, and the rollout executed {plan[:12]}"
