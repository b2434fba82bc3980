"""Reverts: what they name, and what is left of a range once they have cancelled it.

git, GitHub, GitLab, Azure DevOps and Gerrit each name what they revert in another way: by id, by number of a request,
by subject, within or without quotes. `Reapply` and Gerrit's `Revert^2` bring something back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pilotage.model.commit import Commit
from pilotage.report.headers import CONVENTIONAL
from pilotage.report.merges import plain_title, request_of

if TYPE_CHECKING:
    from pilotage.report.commits import Change

_REVERT = re.compile(
    r'^(?P<word>Revert|Reapply)(?:\^(?P<times>\d{1,3}))? "(?P<subject>.+)"$'
    r"|^revert(?:\([^)]*\))?!?:\s+(?P<conventional>\S.*)$",
    re.IGNORECASE,
)
_IN_WORDS = re.compile(
    r"^(?:revert(?:s|ed|ing)?|roll(?:s|ed|ing)?[ -]?back|back(?:s|ed|ing)?[ -]?out|undo(?:es)?)\b[:\s]{0,9}"
    r"(?P<rest>.*)$",
    re.IGNORECASE,
)
_QUOTED = re.compile(r'^"(?P<subject>.+)"')
_WHOLE = re.compile(r"^(?:this )?revert(?:s|ed) commit `?([0-9a-f]{4,40})\b`?\.?$|^original commit: ([0-9a-f]{7,40})\b",
                    re.IGNORECASE | re.MULTILINE)  # fmt: skip
_ID = re.compile(r"[0-9a-f]{7,40}")
_IDS = re.compile(r"revert(?:s|ed) commit `?([0-9a-f]{4,40})\b", re.IGNORECASE)
_REFS = re.compile(r"^Refs: ([0-9a-f]{7,40})\b", re.MULTILINE)
_REQUEST = re.compile(r"reverts (?:(?:pull|merge) request )?(?:[\w.-]+/[\w./-]+)?[#!](\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Revert:
    """What a commit reverts. id: start of a commit's id · request: its number · subject: as written; id and request are
    empty if unknown · again: whether it restores the subject."""

    subject: str
    id: str = ""
    request: str = ""
    again: bool = False


def revert_of(title: str, body: str) -> Revert | None:
    """What a commit reverts or applies again; None where its title does neither: a body alone may only speak of it."""
    if not (found := _REVERT.match(title)):
        return _in_words(title, body)
    subject = found["subject"] or found["conventional"]
    by_id = _IDS.search(body) or (_REFS.search(body) if found["conventional"] else None)
    by_number = _REQUEST.search(body)
    times = int(found["times"] or 1)
    again = (found["word"] or "").lower() == "reapply" or times % 2 == 0
    if times > 2 and not again:
        subject = f'Revert^{times - 1} "{subject}"'
    return Revert(subject, by_id[1] if by_id else "", by_number[1] if by_number else "", again)


def _in_words(title: str, body: str) -> Revert | None:
    """A title such as `Back out x` or `Revert 3f2a91c`, where it or a line of its own in the body names one commit."""
    if not (found := _IN_WORDS.match(title)):
        return None
    named = _WHOLE.search(body)
    rest = found["rest"].strip()
    identity = (named[1] or named[2]) if named else rest if _ID.fullmatch(rest) else ""
    if not identity:
        return None
    quoted = _QUOTED.match(rest)
    return Revert(quoted["subject"] if quoted else rest, identity)


def without_reverts(found: Sequence[Change], known: Mapping[str, Commit]) -> list[Change]:
    """found: newest first. A revert takes what it names away, and a revert of that revert brings it back. Where what it
    names is in the range, the revert itself is no news."""
    book = _Book({covered: change.id for change in found for covered in change.covers if len(change.covers) == 1})
    for change in reversed(found):
        target = book.target(change.reverts) if change.reverts else None
        book.standing[change.id] = target is None
        if target is not None:
            book.targets[change.id] = target
            book.turn(target, on=False)
        book.enter(change, known[change.id])
    return [change for change in found if book.standing[change.id]]


class _Book:
    """The changes so far, and the names by which they can be reverted. owners: of the one commit that a merge
    brought."""

    def __init__(self, owners: Mapping[str, str]) -> None:
        self.owners = owners
        self.standing: dict[str, bool] = {}
        self.targets: dict[str, str] = {}
        self._subjects: dict[str, str] = {}
        self._requests: dict[str, str] = {}
        self._reverted: dict[str, str] = {}

    def enter(self, change: Change, commit: Commit) -> None:
        title = request_of(commit).title
        typed = CONVENTIONAL.match(title)
        for name in (commit.subject, title, typed["text"] if typed else title):
            self._subjects[name] = change.id
        if change.request:
            self._requests[change.request.lstrip("!")] = change.id
        if change.reverts and not change.reverts.again:
            self._reverted[change.reverts.subject] = self._reverted[plain_title(change.reverts.subject)] = change.id

    def target(self, revert: Revert) -> str | None:
        """The change of the range that is reverted."""
        if revert.id:
            for identity in (*self.standing, *self.owners):
                if identity.startswith(revert.id):
                    return self.owners.get(identity, identity)
        names = self._reverted if revert.again else self._subjects
        return self._requests.get(revert.request) or names.get(revert.subject) or names.get(plain_title(revert.subject))

    def turn(self, identity: str, *, on: bool) -> None:
        while identity in self.targets:
            identity, on = self.targets[identity], not on
        self.standing[identity] = on
