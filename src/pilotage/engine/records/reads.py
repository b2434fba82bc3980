"""Queries of a store: rollouts, lists, events, commands. None of them waits for a writer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import Engine, RowMapping, Select, select

from pilotage.engine.integrity import heads
from pilotage.engine.placement.places import home_of, known
from pilotage.engine.records import chronicle, environments, outbox
from pilotage.engine.records.home import Home
from pilotage.engine.records.rows import ACTIVE, FINAL, newest_first, parsed, summary, whole
from pilotage.engine.records.statements import Listed, summaries, wholes
from pilotage.engine.records.tables import commands, events, freezes, judge_states, rollouts
from pilotage.engine.records.tables import environments as places
from pilotage.engine.records.tables_beside import schedules
from pilotage.model.clock import Clock
from pilotage.model.live import NOTHING_SEEN, JudgeState, LiveView, read_judge, read_live
from pilotage.model.record import Recorded, Rollout, RolloutSummary
from pilotage.model.rollout import Command, CommandKind, Status

_JUST = 3600.0
"""Seconds for which a release that has ended is looked at again: its worker may have been away."""


class Reads:
    """The reading half of a `Store`. clock: by which what is old is left out."""

    directory: Path
    clock: Clock
    _engine: Engine

    # ── one ────────────────────────────────────────────────────────────────────────────────────────────────

    def get(self, identity: str) -> Rollout:
        """The rollout. Raises KeyError if there is none, Unreadable if this version cannot read its plan, configuration
        or state."""
        row = self._first(wholes().where(rollouts.c.id == identity))
        if row is None:
            raise KeyError(identity)
        return whole(row)

    def latest(self, service: str, environment: str) -> Rollout | None:
        """The rollout that started last, running or not; what waits its turn has not started. Raises Unreadable."""
        row = self._first(_started(wholes(), service, environment))
        return whole(row) if row else None

    def newest(self, service: str, environment: str) -> RolloutSummary | None:
        """What the columns of `latest` say, readable or not."""
        row = self._first(_started(summaries(), service, environment))
        return summary(row) if row else None

    def look_up(self, identity: str) -> RolloutSummary:
        """What the columns of a rollout say, readable or not. Raises KeyError."""
        row = self._first(summaries().where(rollouts.c.id == identity))
        if row is None:
            raise KeyError(identity)
        return summary(row)

    # ── lists ──────────────────────────────────────────────────────────────────────────────────────────────

    def history(self, service: str, environment: str | None = None, limit: int = 50) -> tuple[RolloutSummary, ...]:
        """Rollouts, newest first: what waits, then in the order of their starts. Of several environments by time."""
        with self._engine.connect() as connection:
            named = select(places.c.environment).where(places.c.service == service)
            there = [environment] if environment else list(connection.scalars(named))
            found = [connection.execute(_listed(service, name, limit)).mappings().all() for name in there]
        return newest_first([[summary(row) for row in rows] for rows in found], limit)

    def live_views(self, identities: Sequence[str]) -> dict[str, LiveView]:
        """The last look at each of these."""
        from pilotage.engine.records.tables import live_views

        query = select(live_views.c.rollout, live_views.c.body).where(live_views.c.rollout.in_(identities))
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        found = {row.rollout: read_live(parsed(row.body)) for row in rows}
        return {identity: found.get(identity, NOTHING_SEEN) for identity in identities}

    def judged(self, service: str, environment: str, limit: int) -> tuple[tuple[float, JudgeState], ...]:
        """What the judges of the newest finished rollouts knew at the end, where there was something to compare, each
        with the time at which the rollout began."""
        query = (
            select(rollouts.c.started_at, judge_states.c.body)
            .join(judge_states, judge_states.c.rollout == rollouts.c.id)
            .where(rollouts.c.service == service, rollouts.c.environment == environment)
            .where(rollouts.c.status.in_(FINAL), rollouts.c.old.is_not(None), rollouts.c.sequence.is_not(None))
            .order_by(rollouts.c.sequence.desc())
            .limit(limit)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        read = ((row.started_at, read_judge(parsed(row.body))) for row in rows)
        return tuple((at, judge) for at, judge in read if judge is not None)

    def serving(self, service: str, environment: str) -> tuple[str, ...]:
        """The good versions of the environment: the one that serves all requests, then the one before, and so on.
        A version that was gone back from is not among them."""
        with self._engine.connect() as connection:
            return environments.serving(connection, service, environment)

    def places(self) -> tuple[tuple[str, str], ...]:
        """Service and environment of everything that is known."""
        return known(self._engine)

    def home(self, directory: Path, service: str, environment: str) -> Home | None:
        """Where an environment is; None where it has no home yet."""
        return home_of(self._engine, directory, service, environment)

    def frozen(self, service: str, environment: str, now: float) -> tuple[tuple[str, float, str], ...]:
        """Declared freezes that hold now: name, end in Unix seconds, and who declared it and why."""
        return self.frozen_places(now).get((service, environment), ())

    def frozen_places(self, now: float) -> Mapping[tuple[str, str], tuple[tuple[str, float, str], ...]]:
        """The same of each place that has any."""
        query = select(freezes).where(freezes.c.lifted_by.is_(None), freezes.c.begins <= now, freezes.c.ends > now)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(freezes.c.ends, freezes.c.id)).all()
        found: dict[tuple[str, str], tuple[tuple[str, float, str], ...]] = {}
        for row in rows:
            place = (row.service, row.environment)
            found[place] = (*found.get(place, ()), (row.name, row.ends, f"{row.actor}: {row.reason}"))
        return found

    def tracks(self, service: str, environment: str) -> bool:
        """Whether people work on a scheduled release."""
        query = select(schedules.c.id).where(
            schedules.c.service == service, schedules.c.environment == environment, schedules.c.dropped == ""
        )
        with self._engine.connect() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def untold(self) -> tuple[tuple[str, int, str], ...]:
        """Channels with undelivered messages: name, number of messages, and the error of the last attempt."""
        found = outbox.health(self._engine)
        return tuple((one.channel, one.dead + one.waiting, one.error) for one in found if one.error)

    def told(self, rollout: str, type_: str) -> tuple[str, ...]:
        """Sentences of a rollout's events of one type."""
        query = select(events.c.sentence).where(events.c.rollout == rollout, events.c.type == type_)
        with self._engine.connect() as connection:
            return tuple(connection.scalars(query.order_by(events.c.number)))

    def unsigned(self) -> tuple[int, str]:
        """How many heads of event chains could not be signed or anchored, and why the last one could not."""
        return heads.trouble(self._engine)

    def unfinished(self) -> tuple[str, ...]:
        """Ids of the rollouts under way, oldest first."""
        query = select(rollouts.c.id).where(rollouts.c.status.in_(ACTIVE)).order_by(rollouts.c.created_at)
        with self._engine.connect() as connection:
            return tuple(connection.scalars(query))

    def places_under_way(self) -> tuple[tuple[str, str], ...]:
        """Service and environment of each rollout under way."""
        query = select(rollouts.c.service, rollouts.c.environment).where(rollouts.c.status.in_(ACTIVE))
        with self._engine.connect() as connection:
            return tuple((row.service, row.environment) for row in connection.execute(query))

    def active(self) -> tuple[RolloutSummary, ...]:
        """The rollouts under way, oldest first."""
        return self._list(summaries().where(rollouts.c.status.in_(ACTIVE)).order_by(rollouts.c.created_at))

    def ended_since(self, since: float) -> tuple[RolloutSummary, ...]:
        """Rollouts that have ended since then, the first one first. since: Unix seconds."""
        return self._list(summaries().where(rollouts.c.finished_at >= since).order_by(rollouts.c.finished_at))

    def queued(self, service: str | None = None, environment: str | None = None) -> tuple[RolloutSummary, ...]:
        """Rollouts that wait their turn, oldest first."""
        query = summaries().where(rollouts.c.status == Status.QUEUED.value)
        if service and environment:
            query = query.where(rollouts.c.service == service, rollouts.c.environment == environment)
        return self._list(query.order_by(rollouts.c.created_at))

    def members(self, group_id: str) -> tuple[RolloutSummary, ...]:
        """The rollouts of a release of several services, in the order of their creation."""
        return self._list(
            summaries().where(rollouts.c.group_id == group_id).order_by(rollouts.c.created_at, rollouts.c.id)
        )

    def settled(self) -> tuple[RolloutSummary, ...]:
        """The last rollout of each environment, where it is finished: what is to be kept up there."""
        query = summaries().join(
            places,
            (places.c.service == rollouts.c.service)
            & (places.c.environment == rollouts.c.environment)
            & (places.c.sequence == rollouts.c.sequence),
        )
        return self._list(query.where(rollouts.c.status.in_(FINAL)))

    def open_groups(self, now: float) -> tuple[str, ...]:
        """Ids of the releases of several services of which anything is under way, waits, or has just ended."""
        # Two questions, so that each finds its index: joined by OR they would read every rollout there ever was.
        recent = (
            rollouts.c.status.in_((*ACTIVE, Status.QUEUED.value)),
            rollouts.c.finished_at > now - _JUST,
        )
        found: dict[str, None] = {}
        with self._engine.connect() as connection:
            for where in recent:
                query = select(rollouts.c.group_id).where(where, rollouts.c.group_id.is_not(None)).distinct()
                found |= dict.fromkeys(connection.scalars(query))
        return tuple(found)

    def commanded(self) -> frozenset[str]:
        """Ids of the rollouts with open commands."""
        query = select(commands.c.rollout).where(commands.c.outcome.is_(None)).distinct()
        with self._engine.connect() as connection:
            return frozenset(connection.scalars(query))

    def pending(self, rollout: str) -> tuple[Command, ...]:
        """Commands that were not handled yet, in the order they were given."""
        query = select(commands).where(commands.c.rollout == rollout, commands.c.outcome.is_(None))
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(commands.c.id)).mappings().all()
        return tuple(map(_command, rows))

    def given(self, rollout: str, command: int) -> tuple[Command, str | None] | None:
        """A command to this rollout with its outcome; None where it got no such command."""
        query = select(commands).where(commands.c.id == command, commands.c.rollout == rollout)
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else (_command(row), row["outcome"])

    def outcome(self, command: int) -> str | None:
        """The outcome of a command; None until it was handled."""
        with self._engine.connect() as connection:
            return connection.scalar(select(commands.c.outcome).where(commands.c.id == command))

    # ── events ─────────────────────────────────────────────────────────────────────────────────────────────

    def events(self, rollout: str, after: int = 0) -> tuple[Recorded, ...]:
        """Events of a rollout with a number above `after`, in order."""
        query = select(events).where(events.c.rollout == rollout, events.c.number > after)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(events.c.number)).mappings().all()
        return tuple(Recorded(**row) for row in rows)

    def events_of_types(self, rollout: str, types: Sequence[str], limit: int) -> tuple[Recorded, ...]:
        """A rollout's newest events of these types, in order."""
        query = select(events).where(events.c.rollout == rollout, events.c.type.in_(types))
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(events.c.number.desc()).limit(limit)).mappings().all()
        return tuple(Recorded(**row) for row in reversed(rows))

    def last_events(self, rollout: str, limit: int, before: int | None = None) -> tuple[Recorded, ...]:
        """At most so many of a rollout's events, newest first. before: only those with a lower number."""
        query = select(events).where(events.c.rollout == rollout)
        query = query if before is None else query.where(events.c.number < before)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(events.c.number.desc()).limit(limit)).mappings().all()
        return tuple(Recorded(**row) for row in rows)

    def open_question(self, rollout: str) -> int | None:
        """The number of the event with the question that a person has to answer now; None if there is none."""
        with self._engine.connect() as connection:
            return chronicle.open_question(connection, rollout)

    def broken_link(self, rollout: str) -> str | None:
        """What is wrong with a rollout's chain of events, or with what its events say about its row, in a sentence;
        None when it is whole. Raises KeyError."""
        from pilotage.engine.integrity.cases import case_of
        from pilotage.engine.integrity.derivation import differences

        with self._engine.connect() as connection:
            found = differences(case_of(connection, rollout))
        return found[0] if found else None

    # ── within ─────────────────────────────────────────────────────────────────────────────────────────────

    def _first(self, query: Listed) -> RowMapping | None:
        with self._engine.connect() as connection:
            return connection.execute(query).mappings().first()

    def _list(self, query: Listed) -> tuple[RolloutSummary, ...]:
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(summary(row) for row in rows)


def _command(row: RowMapping) -> Command:
    return Command(row["id"], CommandKind(row["kind"]), row["actor"], row["reason"], bool(row["full"]))


def _started(query: Listed, service: str, environment: str) -> Listed:
    query = query.where(rollouts.c.service == service, rollouts.c.environment == environment)
    return query.where(rollouts.c.sequence.is_not(None)).order_by(rollouts.c.sequence.desc()).limit(1)


def _listed(service: str, environment: str, limit: int) -> Listed:
    query = summaries().where(rollouts.c.service == service, rollouts.c.environment == environment)
    return query.order_by(rollouts.c.rank.desc(), rollouts.c.created_at.desc()).limit(limit)


def _waiting(service: str, environment: str) -> Select[str]:
    query = select(rollouts.c.id).where(rollouts.c.service == service, rollouts.c.environment == environment)
    return query.where(rollouts.c.status == Status.QUEUED.value).order_by(rollouts.c.created_at)
