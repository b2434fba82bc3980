"""Migrations of a schema: what a version brings, what a database has, and whether both fit the versions that run.

A migration *expands* a schema when the version that serves can go on with it, and *contracts* it when that version
would miss or violate something. A contraction waits until no running version uses what it removes (R12, R31).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

HAS_SCHEMA_ALONE = "has_schema_alone"
"""Among the facts of a check: the version that serves has stopped before the new one starts."""


class Tool(StrEnum):
    """What applies migrations, and keeps the list of those it has applied."""

    ALEMBIC = "alembic"
    DJANGO = "django"
    FLYWAY = "flyway"


class Moment(StrEnum):
    """When migrations are compared."""

    BEFORE = "before"
    """No instance of the new version has started, so its migrations may be pending."""
    RUNNING = "running"
    """The new version runs, and its migrations must be applied."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """A migration that a version brings. id: as the tool records it · name: for people · after: ids that it needs ·
    replaces: ids that it was squashed from · line: where two heads are two too many: one application, or all ·
    checksum: as the tool records it, None where it records none · contracts: what it takes from the version before,
    a phrase each · unread: why it is unknown what it does · since: the version from which on nothing uses what it
    removes, as its author says; empty where nobody says so · expands: its author says that it fits both versions ·
    again: runs whenever its checksum changes."""

    id: str
    name: str
    after: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    line: str = ""
    checksum: int | None = None
    contracts: tuple[str, ...] = ()
    unread: str = ""
    since: str = ""
    expands: bool = False
    again: bool = False


@dataclass(frozen=True, kw_only=True)
class Brought:
    """All migrations of a version. trouble: why the folder could not be read, empty if it could · table: where the
    tool keeps what it has applied."""

    tool: Tool
    table: str
    scripts: tuple[Script, ...] = ()
    trouble: str = ""

    @property
    def heads(self) -> dict[str, list[str]]:
        """By line: the migrations that no other one follows. Flyway orders by number and has no such thing."""
        followed = {parent for script in self.scripts for parent in script.after}
        followed |= {gone for script in self.scripts for gone in script.replaces}
        found: dict[str, list[str]] = {}
        for script in self.scripts if self.tool is not Tool.FLYWAY else ():
            if script.id not in followed:
                found.setdefault(script.line, []).append(script.id)
        return found


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What a database says. database: host, port and name · ids: applied ones; of Alembic, only the last of each branch
    · failed: ids of those that failed halfway · checksums: by id · exists: whether the tool's table is there ·
    baseline: Flyway's number up to which nothing is listed · transactional: whether changes of the schema roll back."""

    database: str
    ids: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    checksums: dict[str, int] = field(default_factory=dict)
    exists: bool = True
    baseline: str = ""
    transactional: bool = True


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Whether a schema fits. problem: what is wrong, empty if nothing is · words: what was found."""

    problem: str = ""
    words: str = ""


def fit(brought: Brought, applied: Applied, moment: Moment, *, version: str, stable: str, together: bool) -> Fit:
    """stable: the version that serves, empty if none does · together: whether both versions use the schema at once."""
    if brought.trouble:
        return Fit(problem=brought.trouble)
    if heads := next((heads for heads in brought.heads.values() if len(heads) > 1), None):
        return Fit(problem=f"{version} brings {len(heads)} heads, {listed(heads)}: {_MERGE[brought.tool]}")
    if not applied.exists and moment is Moment.RUNNING and brought.scripts:
        return Fit(problem=f"{applied.database} has no table {brought.table}: no migration was ever applied there")
    there = known_by(brought, applied)
    waiting = [one for one in brought.scripts if one.id not in there]
    problem = _flaw(brought, applied, there, waiting, version) or _pending(brought, applied, waiting, moment, version)
    if not problem and together and stable:
        problem = next(_contractions(waiting, stable), "")
    if problem:
        return Fit(problem=problem)
    words = f"{applied.database} has {_count(len(there & {one.id for one in brought.scripts}))} of {version} applied"
    if waiting:
        words += f", {len(waiting)} to apply: {listed([one.name for one in waiting])}"
        if not applied.transactional and len(waiting) > 0:
            words += "; this database commits each change of the schema at once, so one that fails halfway stays so"
    return Fit(words=words)


def _flaw(
    brought: Brought, applied: Applied, there: frozenset[str], waiting: Sequence[Script], version: str
) -> str:  # fmt: skip
    """What is wrong with the applied ones."""
    if applied.failed:
        cure = "repair the schema by hand, run `flyway repair`, then migrate again"
        return f"{applied.database} has {listed(applied.failed)} half-applied: {cure}"
    names = {identity for one in brought.scripts for identity in (one.id, *one.replaces)}
    changed = [
        one.name for one in brought.scripts
        if not one.again and one.checksum is not None and applied.checksums.get(one.id, one.checksum) != one.checksum
    ]  # fmt: skip
    if changed:
        return f"{listed(changed)} changed after {applied.database} had applied it: restore the file, and add another"
    lines = {one.line for one in brought.scripts}
    strange = [one for one in there if one not in names and _is_ours(brought.tool, one, lines)]
    if strange:
        told = f"{applied.database} has {listed(sorted(strange))} applied, which {version} does not bring"
        return f"{told}: a newer version has migrated it, or files are missing"
    return _out_of_order(brought, there, waiting, applied)


def _is_ours(tool: Tool, identity: str, lines: set[str]) -> bool:
    """Django's table has the migrations of libraries, too."""
    return tool is not Tool.DJANGO or identity.partition(".")[0] in lines


def _out_of_order(brought: Brought, there: frozenset[str], waiting: Sequence[Script], applied: Applied) -> str:
    """Flyway refuses a number below the highest one that is applied."""
    if brought.tool is not Tool.FLYWAY:
        return ""
    highest = max((number_of(one) for one in there if not one.startswith("R")), default=())
    late = [one.name for one in waiting if not one.again and number_of(one.id) < highest]
    shown = ".".join(map(str, highest))
    return f"{listed(late)} comes before {shown}, which {applied.database} has applied: give it a higher number" * bool(
        late
    )


def _pending(
    brought: Brought, applied: Applied, waiting: Sequence[Script], moment: Moment, version: str
) -> str:  # fmt: skip
    if moment is Moment.BEFORE or not waiting:
        return ""
    names = listed([one.name for one in waiting])
    return f"{applied.database} lacks {_count(len(waiting))} of {version}: {names}; run `{_APPLY[brought.tool]}`"


def _contractions(waiting: Sequence[Script], stable: str) -> Iterator[str]:
    """What takes from the version that serves what it still uses, a sentence each."""
    for one in waiting:
        if one.expands or not (one.contracts or one.unread):
            continue
        if not one.contracts:
            yield (
                f"{one.name} cannot be read ({one.unread}), and {stable} still uses the schema: review it, then write "
                "`pilotage: expand` in a comment of it"
            )
        elif not one.since:
            yield (
                f"{one.name} {listed(one.contracts)} while {stable} still uses the schema: expand first, contract in "
                "a later release; if no running version uses it any more, write `pilotage: contract since VERSION` "
                "in a comment of it; or release with big-bang"
            )
        elif not reached(stable, one.since):
            yield (
                f"{one.name} {listed(one.contracts)}, which is unused since {one.since}, and {stable} still serves: "
                f"complete the release of {one.since} first"
            )


def known_by(brought: Brought, applied: Applied) -> frozenset[str]:
    """All ids that count as applied."""
    there = set(applied.ids)
    if brought.tool is Tool.ALEMBIC:
        by_id, ahead = {one.id: one for one in brought.scripts}, list(there)
        while ahead:
            script = by_id.get(ahead.pop())
            new = set(script.after if script else ()) - there
            there |= new
            ahead += new
    for script in brought.scripts:
        if script.replaces and (script.id in there or there.issuperset(script.replaces)):
            there |= {script.id, *script.replaces}
        elif script.again and script.id in there and applied.checksums.get(script.id) != script.checksum:
            there.discard(script.id)
        elif applied.baseline and not script.again and number_of(script.id) <= number_of(applied.baseline):
            there.add(script.id)
    return frozenset(there)


def number_of(identity: str) -> tuple[int, ...]:
    """Of Flyway's `1.2.10`, without zeros at its end: 1 and 1.0 are the same."""
    parts = [int(part) for part in identity.split(".") if part.isdecimal()]
    while parts and not parts[-1]:
        parts.pop()
    return tuple(parts)


def reached(version: str, wanted: str) -> bool:
    """Whether a version is another one or a later one. False where they cannot be compared."""
    from packaging.version import InvalidVersion, Version

    try:
        return version == wanted or Version(version) >= Version(wanted)
    except InvalidVersion:
        return False


def repeated(scripts: Sequence[Script]) -> list[str]:
    """Ids that two files have."""
    return [one for one, times in Counter(script.id for script in scripts).items() if times > 1]


def listed(names: Sequence[str]) -> str:
    """The first three, and how many more."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"


def _count(number: int) -> str:
    return f"{number} migration{'' if number == 1 else 's'}"


_MERGE = {
    Tool.ALEMBIC: "run `alembic merge heads`",
    Tool.DJANGO: "run `manage.py makemigrations --merge`",
    Tool.FLYWAY: "give them different numbers",
}
_APPLY = {Tool.ALEMBIC: "alembic upgrade head", Tool.DJANGO: "manage.py migrate", Tool.FLYWAY: "flyway migrate"}
