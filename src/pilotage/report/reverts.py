"""Reverts: what they name, and what is left of a range once they have cancelled it.

git, GitHub, GitLab, Azure DevOps and Gerrit each name what they revert in another way: by id, by number of a request,
by subject, within or without quotes. `Reapply` and Gerrit's `Revert^2` bring something back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
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
_NAMES = re.compile(r"revert(?:s|ed) commits?[ \n](?=`?[0-9a-f]{4,40}\b)", re.IGNORECASE)
_REFS = re.compile(r"^Refs: (?=[0-9a-f]{7,40}\b)", re.MULTILINE)
_BETWEEN = re.compile(r"[\s,&`.]+(?:and\s)?")
_MOST = 100
"""Commits that one revert names."""
_REQUEST = re.compile(r"reverts (?:(?:pull|merge) request )?(?:[\w.-]+/[\w./-]+)?[#!](\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Revert:
    """What a commit reverts. ids: starts of commits' ids · request: its number · subject: as written; ids and request
    are empty if unknown · again: whether it restores the subject."""

    subject: str
    ids: tuple[str, ...] = ()
    request: str = ""
    again: bool = False


def revert_of(title: str, body: str) -> Revert | None:
    """What a commit reverts or applies again; None where its title does neither: a body alone may only speak of it."""
    if not (found := _REVERT.match(title)):
        return _in_words(title, body)
    subject = found["subject"] or found["conventional"]
    ids = _named(_NAMES, body) or (_named(_REFS, body) if found["conventional"] else ())
    by_number = _REQUEST.search(body)
    times = int(found["times"] or 1)
    if _REVERT.match(subject):
        ids = ids[:1]  # the rest can be the message of the revert that is reverted
    again = (found["word"] or "").lower() == "reapply" or times % 2 == 0
    if times > 2 and not again:
        subject = f'Revert^{times - 1} "{subject}"'
    return Revert(subject, ids, by_number[1] if by_number else "", again)


def _named(before: re.Pattern[str], body: str) -> tuple[str, ...]:
    """The ids after each place that `before` finds, as in `reverts commits 3f2a91c, 676104e and a215868`."""
    found: dict[str, None] = {}
    for place in before.finditer(body):
        words = _BETWEEN.split(body[place.end() : place.end() + 42 * _MOST].lstrip("`"))
        found |= dict.fromkeys([words[0], *takewhile(_ID.fullmatch, words[1:])])
    return tuple(found)[:_MOST]


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
    return Revert(quoted["subject"] if quoted else rest, (identity,))


def without_reverts(found: Sequence[Change], known: Mapping[str, Commit]) -> list[Change]:
    """found: newest first. A revert takes what it names away, and a revert of that revert brings it back. Where what it
    names is in the range, the revert itself is no news."""
    book = _Book({covered: change.id for change in found for covered in change.covers if len(change.covers) == 1})
    for change in reversed(found):
        targets, is_whole = book.targets_of(change.reverts) if change.reverts else ((), False)
        book.standing[change.id] = not is_whole
        if targets:
            book.targets[change.id] = targets
        for target in targets:
            book.turn(target, on=False)
        book.enter(change, known[change.id])
    return [change for change in found if book.standing[change.id]]


class _Book:
    """The changes so far, and the names by which they can be reverted. owners: of the one commit that a merge
    brought."""

    def __init__(self, owners: Mapping[str, str]) -> None:
        self.owners = owners
        self.standing: dict[str, bool] = {}
        self.targets: dict[str, tuple[str, ...]] = {}
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

    def targets_of(self, revert: Revert) -> tuple[tuple[str, ...], bool]:
        """The changes of the range that are reverted, and whether they are all that the revert names."""
        found = [target for named in revert.ids if (target := self._by_id(named))]
        if found:
            return tuple(dict.fromkeys(found)), len(found) == len(revert.ids)
        names = self._reverted if revert.again else self._subjects
        named = self._requests.get(revert.request) or names.get(revert.subject)
        named = named or names.get(plain_title(revert.subject))
        return ((named,), True) if named else ((), False)

    def _by_id(self, named: str) -> str:
        known = next((one for one in (*self.standing, *self.owners) if one.startswith(named)), "")
        return self.owners.get(known, known)

    def turn(self, identity: str, *, on: bool) -> None:
        left = [(identity, on)]
        while left:
            identity, on = left.pop()
            if identity in self.targets:
                left += [(target, not on) for target in self.targets[identity]]
            else:
                self.standing[identity] = on
