"""The members of a cohort, as a router may have them: all of them, and each one a value that a header can carry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from pilotage.adapters.ports import AdapterError
from pilotage.model.text import line
from pilotage.model.traffic import Cohort, Split
from pilotage.model.wave import digest_of

LONGEST = 1024
"""Bytes of a member."""


def refuse_cohort(split: Split, router: str) -> None:
    """Raise AdapterError for a cohort: this router would send random users to its version."""
    if split.cohort:
        raise AdapterError(f"{router} cannot route by the members of a cohort: leave the cohort out")


def members_of(cohort: Cohort, most: int) -> tuple[str, ...]:
    """The members, in order. most: how many the router can have. Raises AdapterError where the router would not send
    exactly these users to the version."""
    if cohort.size > most:
        raise AdapterError(f"a cohort of {cohort.size:,} is too large for this router: it takes {most:,} members")
    members = _ordered(cohort.members)
    if len(members) != cohort.size or _digest(members) != cohort.digest:
        raise AdapterError(
            f"the cohort of {cohort.version} has {cohort.size:,} members, and not those {len(members):,} that are "
            "listed: read the list again"
        )
    return members


def with_members(split: Split, known: Callable[[str], tuple[str, ...]]) -> Split:
    """The split with the members that a router's report leaves out. known: the members behind a digest, empty if nobody
    knows them."""
    if split.cohort is None or split.cohort.members:
        return split
    return replace(split, cohort=replace(split.cohort, members=known(split.cohort.digest)))


def without_members(split: Split) -> Split:
    """As routers report it: a look is kept, and members would make it large."""
    return replace(split, cohort=replace(split.cohort, members=())) if split.cohort else split


@lru_cache(maxsize=8)
def _ordered(members: tuple[str, ...]) -> tuple[str, ...]:
    """Raises AdapterError."""
    for member in members:
        if why := _unfit(member):
            raise AdapterError(f"{line(member, 80)!r} {why}, so no request can name it: take it off the list")
    return tuple(sorted(set(members)))


def _unfit(member: str) -> str:
    """Why no header has this value; empty if one can."""
    if not member:
        return "is empty"
    if any(ord(letter) < 32 or letter == "\x7f" for letter in member):
        return "has control characters"
    if member != member.strip(" "):
        return "begins or ends with a space"
    try:
        return f"is longer than {LONGEST:,} bytes" if len(member.encode()) > LONGEST else ""
    except UnicodeEncodeError:
        return "is no text"


@lru_cache(maxsize=8)
def _digest(members: tuple[str, ...]) -> str:
    return digest_of(members)
