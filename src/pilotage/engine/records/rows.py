"""Turns rows of the store into values, however they were read: a complete rollout, or a summary from its columns.

It is separate from database queries, so that commands that only list load neither these nor classes that they do not
show.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from pilotage.model.converting import convert
from pilotage.model.json import Json, JsonObject, number_at, optional, text_at, whole_at
from pilotage.model.record import RolloutSummary
from pilotage.model.status import Mode, Status

if TYPE_CHECKING:
    from pilotage.model.record import Rollout
    from pilotage.model.snapshot import Membership


class Row(Protocol):
    """A row by the names of its columns, of SQLAlchemy or of SQLite."""

    def __getitem__(self, name: str, /) -> Json: ...


FINAL = tuple(status.value for status in Status if status.final)
ACTIVE = tuple(status.value for status in Status if not status.final and status is not Status.QUEUED)
"""Listed, because an index finds what is in a list, and not what is not in one."""

OWN = (
    "id", "service", "environment", "version", "old", "actor", "created_at", "finished_at", "plan_hash", "head",
    "events", "revision", "group_id", "sequence", "started_at", "paged",
)  # fmt: skip


def summary(row: Row) -> RolloutSummary:
    return RolloutSummary(
        id=_text(row, "id"),
        service=_text(row, "service"),
        environment=_text(row, "environment"),
        sequence=None if row["sequence"] is None else _whole(row, "sequence"),
        version=_text(row, "version"),
        old=None if row["old"] is None else _text(row, "old"),
        status=Status(_text(row, "status")),
        mode=Mode(_text(row, "mode")),
        actor=_text(row, "actor"),
        created_at=_number(row, "created_at"),
        started_at=None if row["started_at"] is None else _number(row, "started_at"),
        finished_at=None if row["finished_at"] is None else _number(row, "finished_at"),
        step=_text(row, "step"),
        weight=_whole(row, "weight"),
        reached=_whole(row, "reached"),
        reason=_text(row, "reason"),
        dark=bool(row["dark"]),
        preserved=bool(row["preserved"]),
        kind=_text(row, "kind"),
        strategy=_text(row, "strategy"),
        plan_hash=_text(row, "plan_hash"),
        group_id=None if row["group_id"] is None else _text(row, "group_id"),
        membership=_membership(row["part"]),
        head=_text(row, "head"),
        events=_whole(row, "events"),
        revision=_whole(row, "revision"),
    )


def _text(row: Row, name: str) -> str:
    """As `text_at`, without a path: a list of rollouts reads thousands of columns."""
    found = row[name]
    return found if isinstance(found, str) else text_at(row, name)


def _whole(row: Row, name: str) -> int:
    found = row[name]
    return found if type(found) is int else whole_at(row, name)


def _number(row: Row, name: str) -> float:
    found = row[name]
    return found if type(found) is float else number_at(row, name)


def _membership(part: Json) -> Membership | None:
    if part is None:
        return None
    import msgspec

    from pilotage.model.snapshot import Membership

    try:
        return convert(part, Membership)
    except msgspec.ValidationError:
        return Membership()


def whole(row: Row) -> Rollout:
    """The rollout of a row of `records.wholes`. Raises Unreadable."""
    from pilotage.model.live import read_judge, read_live
    from pilotage.model.plan_formats import read_plan
    from pilotage.model.record import Rollout, Unreadable
    from pilotage.model.snapshot import read_snapshot
    from pilotage.model.stored_state import from_data

    try:
        plan = read_plan(optional(text_at, row, "plan") or "")
        return Rollout(
            id=text_at(row, "id"),
            service=text_at(row, "service"),
            environment=text_at(row, "environment"),
            version=text_at(row, "version"),
            old=optional(text_at, row, "old"),
            actor=text_at(row, "actor"),
            created_at=number_at(row, "created_at"),
            finished_at=optional(number_at, row, "finished_at"),
            plan=plan,
            plan_hash=text_at(row, "plan_hash"),
            snapshot=read_snapshot(parsed(row["target"])),
            state=from_data(readable(row["state"]), plan.answers.deployment_strategy),
            judge=read_judge(parsed(row["judge"])),
            live=read_live(parsed(row["live"])),
            head=text_at(row, "head"),
            events=whole_at(row, "events"),
            revision=whole_at(row, "revision"),
            group_id=optional(text_at, row, "group_id"),
            sequence=optional(whole_at, row, "sequence"),
            started_at=optional(number_at, row, "started_at"),
            paged=None if row["paged"] is None else bool(row["paged"]),
        )
    except (ValueError, TypeError) as error:
        raise Unreadable(
            f"the record of {row['version']} in {row['environment']} ({row['id']}) cannot be read by this version of "
            f"Pilotage: {error}",
            {name: row[name] for name in OWN},
        ) from error


def parsed(body: Json) -> JsonObject | None:
    """A JSON object as it was kept; None where it is missing or none."""
    import msgspec

    try:
        return msgspec.json.decode(body, type=dict[str, Json]) if isinstance(body, str) and body else None
    except ValueError:
        return None


def readable(body: Json) -> JsonObject:
    """The same, an empty one in place of None."""
    return parsed(body) or {}


def newest_first(each: Sequence[Sequence[RolloutSummary]], limit: int) -> tuple[RolloutSummary, ...]:
    """Several lists merged by time; a single one unchanged. each: newest first."""
    merged = heapq.merge(*each, key=lambda one: -(one.started_at or one.created_at)) if len(each) != 1 else each[0]
    return tuple(one for one, _ in zip(merged, range(limit), strict=False))


def good_after(good: Iterable[str], version: str, status: Status, mode: Mode, *, dark: bool) -> list[str]:
    """The good versions, newest first, after a rollout of `version` ended like this."""
    kept = list(good)
    if status is not Status.COMPLETED and not (status is Status.ROLLED_BACK and dark):
        return kept
    if mode is Mode.FAST_RETURN and version in kept:
        return kept[kept.index(version) :]
    return [version, *(other for other in kept if other != version)]
