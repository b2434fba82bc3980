"""What others say about a store: signed heads in it and outside of it, and the witness next to the target.

Each says how far a chain once was. A store that does not agree was changed, set back, or lost something.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pilotage.adapters.keys import HEAD, is_signed
from pilotage.engine.integrity.heads import Head
from pilotage.engine.rescue.journal import Witness
from pilotage.model.json import Json, JsonObject
from pilotage.model.wording import counted


class Grade(StrEnum):
    """changed: the store is not what it was · unverifiable: something that should be checked could not be · note: what
    a reader should know."""

    CHANGED = "changed"
    UNVERIFIABLE = "unverifiable"
    NOTE = "note"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that verification has to say. rollout: its id, empty for the environment as a whole · by: who says so,
    where it is not the store itself."""

    grade: Grade
    sentence: str
    rollout: str = ""
    by: str = ""

    def __str__(self) -> str:
        about = f"{self.rollout}: " if self.rollout else ""
        return f"{about}{self.sentence}" + (f" (so says {self.by})" if self.by else "")


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """What several say, once."""
    found: dict[tuple[Grade, str, str], list[str]] = {}
    for one in findings:
        by = found.setdefault((one.grade, one.rollout, one.sentence), [])
        by += [one.by] if one.by and one.by not in by else []
    return [
        Finding(grade=grade, rollout=rollout, sentence=sentence, by=", ".join(by))
        for (grade, rollout, sentence), by in found.items()
    ]


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is in the store of one environment. hashes: of a rollout's events, in their order · links: hashes that the
    list of rollouts went through · final: ids of rollouts that have ended · revisions: by rollout."""

    service: str
    environment: str
    hashes: Mapping[str, list[str]]
    links: Collection[str]
    final: Collection[str]
    revisions: Mapping[str, int]


@dataclass(kw_only=True)
class Keys:
    """The public keys that are trusted, and ids of others that were met."""

    trusted: Mapping[str, str]
    unknown: set[str] = field(default_factory=set)

    def check(self, head: Head) -> bool | None:
        """Whether a signature holds; None when its key is not known."""
        if head.key not in self.trusted:
            self.unknown.add(head.key)
            return None
        return is_signed(self.trusted[head.key], HEAD, head.content, head.signature)


def heads_in(lines: Iterable[str], where: str) -> tuple[list[Head], list[Finding]]:
    """The heads among an anchor's lines, each once, and what cannot be read there."""
    found: dict[str, Head] = {}
    broken = 0
    for line in lines:
        try:
            found[line] = Head.from_dict(_object(line))
        except ValueError:
            broken += 1
    words = f"{where}: {counted(broken, 'line')} {'is no signed head' if broken == 1 else 'are not signed heads'}"
    return list(found.values()), [Finding(grade=Grade.UNVERIFIABLE, sentence=words)] if broken else []


def _object(line: str) -> JsonObject:
    try:
        found: Json = json.loads(line)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def worth_comparing(heads: Sequence[Head], known: Known) -> list[Head]:
    """All heads of the rollouts that are there, and the furthest one of each that is not."""
    furthest: dict[str, Head] = {}
    for head in heads:
        if head.rollout not in furthest or head.events >= furthest[head.rollout].events:
            furthest[head.rollout] = head
    return [head for head in heads if head.rollout in known.hashes or head is furthest[head.rollout]]


def compare(head: Head, known: Known, keys: Keys, by: str) -> Iterator[Finding]:
    """What of the store does not agree with a signed head. by: who has it. Says nothing where the key is not known:
    anyone may have written that."""
    if (head.service, head.environment) != (known.service, known.environment):
        return
    right = keys.check(head)
    if right is False:
        words = f"the signature of the head of its {head.kind} event is invalid"
        yield Finding(grade=Grade.CHANGED, sentence=words, rollout=head.rollout, by=by)
    elif right:
        yield from disagreements(head, known, by)


def disagreements(head: Head, known: Known, by: str) -> Iterator[Finding]:
    """What in the store does not agree with a head, whoever signed it."""
    for words in _disagreements(head, known):
        yield Finding(grade=Grade.CHANGED, sentence=words, rollout=head.rollout, by=by)


def _disagreements(head: Head, known: Known) -> Iterator[str]:
    hashes = known.hashes.get(head.rollout)
    if hashes is None:
        name = f"number {head.sequence}" if head.sequence is not None else "queued"
        yield f"this rollout ({name}) is missing"
        return
    if len(hashes) < head.events:
        lost = "s {} to {} are" if head.events - len(hashes) > 1 else " {1} is"
        yield f"event{lost.format(len(hashes) + 1, head.events)} missing"
    elif hashes[head.events - 1] != head.head:
        yield f"event {head.events} differs from the signed one: the chain was rewritten"
    elif head.kind == "ended" and head.rollout not in known.final:
        yield "it had ended, and now it has not"
    if head.place and head.place not in known.links:
        yield f"the list of rollouts has changed since this was {head.kind}"


def compare_witness(witness: Witness, known: Known) -> Iterator[Finding]:
    """witness: how far the store was when a worker last wrote there, by the journal next to the target."""
    hashes = known.hashes.get(witness.rollout)
    if hashes is None:
        words = f"this rollout (number {witness.sequence}) is missing"
    elif witness.head not in hashes:
        words = f"the event {witness.head[:12]} is missing; {len(hashes)} events are present"
    elif known.revisions[witness.rollout] < witness.revision:
        words = f"it is at revision {known.revisions[witness.rollout]}, but was at {witness.revision}"
    else:
        return
    by = "the journal next to the target"
    yield Finding(grade=Grade.CHANGED, sentence=words, rollout=witness.rollout, by=by)
