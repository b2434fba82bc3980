"""Whether the records of an environment are what they were: every chain, every row, the list of rollouts, every head.

Reads tables and decodes nothing that need not be, so that a plan of another version stops no verification.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, Engine, RowMapping, Text, cast, select

from pilotage.adapters.anchors import FileAnchor, open_anchor
from pilotage.adapters.ports import AdapterError
from pilotage.engine.integrity.cases import cases, strays
from pilotage.engine.integrity.custody import Custody
from pilotage.engine.integrity.derivation import FINAL, StoredRollout, differences
from pilotage.engine.integrity.heads import Head, head_of
from pilotage.engine.integrity.ledger import ledgers
from pilotage.engine.integrity.sealing import LINKS, sealed_in
from pilotage.engine.integrity.testimony import (
    Finding,
    Grade,
    Keys,
    Known,
    compare,
    compare_witness,
    disagreements,
    heads_in,
    merged,
    worth_comparing,
)
from pilotage.engine.records.tables import environments, heads
from pilotage.engine.rescue.journal import Journal
from pilotage.model.json import find, read_as, text_at


@dataclass(frozen=True, kw_only=True)
class Place:
    """What is verified, and what it is held against. directory: the state folder · keys: trusted public keys, PEM by
    id · files: further files of signed heads, such as a receiver of webhooks keeps."""

    service: str
    environment: str
    directory: Path
    keys: Mapping[str, str]
    custody: Custody
    files: Sequence[Path] = ()


@dataclass(kw_only=True)
class Verified:
    """What was found. rollouts, events: how many were read · signed: heads whose signature holds."""

    rollouts: int = 0
    events: int = 0
    signed: int = 0
    findings: list[Finding] = field(default_factory=list)

    def of(self, grade: Grade) -> list[Finding]:
        return [finding for finding in self.findings if finding.grade is grade]

    def add(self, grade: Grade, sentence: str, rollout: str = "") -> None:
        self.findings.append(Finding(grade=grade, sentence=sentence, rollout=rollout))


@dataclass(frozen=True, kw_only=True)
class Last:
    """The rollout that had started last when another one joined the list, and how far it was."""

    rollout: str
    sequence: int
    events: int
    head: str


@dataclass(frozen=True, kw_only=True)
class _PlaceRow:
    """What the store says of the whole list: how many rollouts started, and the newest link."""

    sequence: int
    head: str | None


@dataclass(frozen=True, kw_only=True)
class Link:
    """One event of the list of rollouts. before: the hash of the link before."""

    rollout: str
    number: int
    hash: str
    before: str
    last: Last | None


def verify(engine: Engine, place: Place) -> Verified:
    """Check everything that is recorded of one environment. Raises nothing for what it finds."""
    found, hashes, links = Verified(), dict[str, list[str]](), list[Link]()
    final, revisions, sequences, unsealed = set[str](), dict[str, int](), dict[int, str](), list[str]()
    with engine.connect() as connection:
        for case in cases(connection, place.service, place.environment):
            found.rollouts, found.events = found.rollouts + 1, found.events + len(case.events)
            hashes[case.id] = [event.hash for event in case.events]
            revisions[case.id] = case.row["revision"] if isinstance(case.row["revision"], int) else -1
            final |= {case.id} if case.row["status"] in FINAL else set()
            if isinstance(case.row["sequence"], int):
                sequences[case.row["sequence"]] = case.id
            try:
                unsealed += [] if case.sealed else [case.id]
                links += _links(case)
                for sentence in differences(case):
                    found.add(Grade.CHANGED, sentence, case.id)
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                # Nothing that Pilotage ever wrote, so someone else did.
                words = f"its events were not written by Pilotage: {type(error).__name__}: {error}"
                found.add(Grade.CHANGED, words, case.id)
        place_row = _place_row(connection, place)
        stray = strays(connection, place.service, place.environment)
    known = Known(
        service=place.service, environment=place.environment, hashes=hashes,
        links={link.hash for link in links}, final=final, revisions=revisions,
    )  # fmt: skip
    _check_list(found, links, known, sequences, place_row)
    for rollout in stray:
        found.add(Grade.CHANGED, "its events are present, but its row is missing", rollout)
    _check_heads(engine, found, place, known, {link.rollout for link in links} - set(unsealed))
    if unsealed:
        found.add(Grade.NOTE, _covered(unsealed))
    found.findings = merged(found.findings)
    return found


def _covered(unsealed: Sequence[str]) -> str:
    many = f"{len(unsealed)} rollouts were" if len(unsealed) > 1 else "1 rollout was"
    return (
        f"{many} recorded, at least in part, before events had seals (the last: {unsealed[-1]}): covered are plan, "
        "version, who asked for it, status, times and events; not covered are verdicts, commands, messages and the "
        "list of rollouts"
    )


def _place_row(connection: Connection, place: Place) -> _PlaceRow | None:
    here = (environments.c.service == place.service, environments.c.environment == place.environment)
    row = connection.execute(select(environments.c.sequence, environments.c.head).where(*here)).mappings().first()
    return _PlaceRow(**row) if row else None


# ── the list of rollouts ───────────────────────────────────────────────────────────────────────────────────


def _links(case: StoredRollout) -> Iterator[Link]:
    for event in case.events:
        place = sealed_in(event.data).get("place")
        if event.type_today in LINKS and place is not None:
            yield Link(
                rollout=case.id,
                number=event.number,
                hash=event.hash,
                before=text_at(place, "before"),
                last=None if find(place, "last") is None else read_as(Last, place, "last"),
            )


def _check_list(
    found: Verified, links: Sequence[Link], known: Known, sequences: Mapping[int, str], row: _PlaceRow | None
) -> None:
    """Every link's predecessor is there, the newest is the environment's, and no number is left out."""
    named: set[int | str] = set()
    for link in links:
        if link.last is None or (hashes := known.hashes.get(link.last.rollout)) is None:
            if link.last is not None:
                named |= {link.last.sequence, link.hash}
                words = f"missing: it was number {link.last.sequence}, with {link.last.events} events, when "
                found.add(Grade.CHANGED, f"{words}{link.rollout} began", link.last.rollout)
            continue
        if link.last.head not in hashes[link.last.events - 1 : link.last.events]:
            words = f"event {link.last.events} differs from the one it had when {link.rollout} started"
            found.add(Grade.CHANGED, words, link.last.rollout)
    followers: dict[str, list[Link]] = {}
    for link in links:
        followers.setdefault(link.before, []).append(link)
        if link.before and link.before not in known.links and link.hash not in named:
            found.add(Grade.CHANGED, "a rollout requested before this one is missing", link.rollout)
    for before, some in followers.items():
        if len(some) > 1:
            after = "nothing" if not before else f"the link {before[:12]}"
            ids = " and ".join(link.rollout for link in some)
            found.add(Grade.CHANGED, f"{ids} each say that they follow {after}: the list was reset in between")
    _check_end_of_list(found, links, followers, sequences, named, row)


def _check_end_of_list(
    found: Verified, links: Sequence[Link], followers: Mapping[str, Sequence[Link]], sequences: Mapping[int, str],
    named: set[int | str], row: _PlaceRow | None,
) -> None:  # fmt: skip
    head, last = (row.head, row.sequence) if row else (None, 0)
    newest = [link.hash for link in links if link.hash not in followers]
    if links and head not in newest:
        words = "is none" if head is None else f"is {head[:12]}, which is not the newest link"
        found.add(Grade.CHANGED, f"rollouts at the end of the list are missing: the environment's head {words}")
    elif head is not None and not links:
        found.add(Grade.CHANGED, f"all rollouts are missing: the environment's head is {head[:12]}")
    for number in range(1, max([last, *sequences]) + 1):
        if number not in sequences and number not in named:
            found.add(Grade.CHANGED, f"rollout number {number} of {max([last, *sequences])} is missing")
    if sequences and max(sequences) > last:
        found.add(Grade.CHANGED, f"the environment counts {last} rollouts, but number {max(sequences)} is present")


# ── heads ──────────────────────────────────────────────────────────────────────────────────────────────────


def _check_heads(engine: Engine, found: Verified, place: Place, known: Known, sealed: set[str]) -> None:
    keys = Keys(trusted=place.keys)
    anchored = _check_anchors(found, place, known, keys)
    here = (heads.c.service == place.service, heads.c.environment == place.environment)
    with engine.connect() as connection:
        columns = (column for column in heads.c if column is not heads.c.anchored)
        query = select(*columns, cast(heads.c.anchored, Text).label("anchored")).where(*here).order_by(heads.c.id)
        rows = connection.execute(query).mappings().all()
    kept = [head_of(row) for row in rows]
    for head in worth_comparing(kept, known):
        found.findings += disagreements(head, known, "the store's own head")
    for row, head in zip(rows, kept, strict=True):
        _check_own(found, row, head, keys, anchored)
    _check_none_is_missing(found, kept, known, sealed)
    _tell_unsigned(found, [row["error"] or "" for row in rows if not row["signature"]], keys)
    _check_witness(found, place, known)


def _check_own(found: Verified, row: RowMapping, head: Head, keys: Keys, anchored: Mapping[str, set[str]]) -> None:
    """A head in the store: its signature, and whether its anchors still have it."""
    right = keys.check(head) if head.signature else None
    found.signed += right is True
    if right is False:
        found.add(Grade.CHANGED, f"the signature of the head of its {head.kind} event is invalid", head.rollout)
    for name in anchored:
        if json.dumps(name) in row["anchored"] and head.to_json() not in anchored[name]:
            words = f"{name} has lost the head of its {head.kind} event"
            found.add(Grade.CHANGED, words, head.rollout)


def _check_none_is_missing(found: Verified, kept: Sequence[Head], known: Known, sealed: set[str]) -> None:
    """A rollout with seals has a head of its start, and of its end."""
    kinds: dict[str, set[str]] = {}
    for head in kept:
        kinds.setdefault(head.rollout, set()).add(head.kind)
    for rollout in sorted(sealed & known.hashes.keys()):
        if rollout in known.final and "ended" not in kinds.get(rollout, ()):
            found.add(Grade.CHANGED, "the head of its ended event was removed", rollout)
        elif rollout not in kinds:
            found.add(Grade.CHANGED, "the head of its first event was removed", rollout)


def _tell_unsigned(found: Verified, unsigned: Sequence[str], keys: Keys) -> None:
    if reasons := sorted({why for why in unsigned if why}):
        words = f"{len(unsigned)} heads are not signed: {'; '.join(reasons)}"
        found.add(Grade.UNVERIFIABLE, words)
    elif unsigned:
        found.add(Grade.NOTE, f"{len(unsigned)} heads are not signed yet; the worker will sign them")
    for key in sorted(keys.unknown):
        found.add(Grade.UNVERIFIABLE, f"heads are signed with the key {key}, which is unknown here; see --key")


def _check_anchors(found: Verified, place: Place, known: Known, keys: Keys) -> dict[str, set[str]]:
    """Hold the store against every anchor; returns the lines of each that could be read."""
    named = [open_anchor(section, Path(place.custody.project)) for section in place.custody.anchors]
    given = [FileAnchor(path) for path in place.files]
    own = [FileAnchor(path) for path in ledgers(place.directory) if path.exists()]
    lines: dict[str, set[str]] = {}
    for anchor in [*(one for one in named if one), *given, *own]:
        try:
            kept = anchor.lines()
        except AdapterError as error:
            found.add(Grade.UNVERIFIABLE, f"anchor: {error}")
            continue
        lines[anchor.name] = set(kept)
        said, broken = heads_in(kept, anchor.name)
        found.findings += broken
        for head in worth_comparing(said, known):
            found.findings += compare(head, known, keys, anchor.name)
    return lines


def _check_witness(found: Verified, place: Place, known: Known) -> None:
    journal = Journal(place.directory, place.service, place.environment)
    if journal.witness is not None:
        found.findings += compare_witness(journal.witness, known)
    for lost in journal.lost:
        words = f"the store went back in time, from revision {lost.witness.revision} to {lost.found}"
        found.add(Grade.NOTE, words, lost.witness.rollout)
