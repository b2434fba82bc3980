"""The counsels that read what users report of a version, and how they rate it."""

from __future__ import annotations

import math
import threading
import time
import weakref
from abc import abstractmethod
from contextlib import suppress
from functools import partial
from typing import ClassVar, Generic, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from pilotage.adapters.ports import AdapterError
from pilotage.engine.execution.crew import Call, Crew
from pilotage.engine.execution.judges import VARIANTS
from pilotage.engine.records import reports
from pilotage.engine.records.store import Store
from pilotage.judge.complaints import METRIC, ComplaintBook
from pilotage.judge.satisfaction import METRIC as SATISFACTION
from pilotage.judge.satisfaction import SatisfactionBook
from pilotage.model.json import JsonObject, number_at
from pilotage.model.observation import Reading, Verdict
from pilotage.model.record import Rollout
from pilotage.model.report import Rated, Reported

_EVERY = 1.0
_OF_LATE = 90 * reports.DAY
"""Seconds before a rollout whose ratings are those of the stable version."""

_T = TypeVar("_T")


class News:
    """Which revision the store's reports have. All rollouts of a worker ask together, once a second, and none waits for
    the answer."""

    _lock = threading.Lock()
    _known: ClassVar[WeakKeyDictionary[Engine, News]] = WeakKeyDictionary()

    def __init__(self, engine: Engine) -> None:
        self._engine = weakref.ref(engine)
        self._asked_at = -math.inf
        self._call: Call[object] | None = None
        self._revision: object = None

    @classmethod
    def of(cls, engine: Engine) -> News:
        with cls._lock:
            return cls._known.setdefault(engine, cls(engine))

    def revision(self, crew: Crew) -> object:
        """As of a second ago; None before the first answer."""
        with self._lock:
            engine, now = self._engine(), time.monotonic()
            if self._call is not None and self._call.done:
                call, self._call = self._call, None
                with suppress(SQLAlchemyError):
                    self._revision = call.result()
            if self._call is None and engine is not None and now - self._asked_at >= _EVERY:
                self._asked_at = now
                with suppress(AdapterError):
                    self._call = crew.start(partial(reports.revision, engine))
            return self._revision


class _OfUsers(Generic[_T]):
    """Knows since when users have had the version, from when on what they say may be about it; and reads again what
    they say when anything is new."""

    def __init__(self, store: Store, rollout: Rollout, crew: Crew) -> None:
        self._engine, self._clock, self._crew = store.engine, store.clock, crew
        self._place = (rollout.service, rollout.environment)
        self._new, self._old = rollout.version, rollout.old
        self._began = rollout.started_at or rollout.created_at
        self._since: float | None = None
        self._news = News.of(store.engine)
        self._known: object = None
        self._call: Call[_T] | None = None

    def observe(self, reading: Reading) -> None:
        if self._since is None and any(reading.of(name).requests for name in (self._new, VARIANTS[0])):
            self._since, self._known = reading.at, None

    def ask(self) -> None:
        revision = self._news.revision(self._crew)
        if self._call is None and revision != self._known:
            self._known = revision
            with suppress(AdapterError):
                self._call = self._crew.start(self._read)
        if self._call is None or not self._call.done:
            return
        call, self._call = self._call, None
        try:
            self._take(call.result())
        except SQLAlchemyError:
            # What was counted last stays while the store is away: a rollout has its own way to go on without it.
            self._known = None

    @abstractmethod
    def _read(self) -> _T:
        """In a thread of its own."""

    @abstractmethod
    def _take(self, found: _T) -> None: ...

    def begin_again(self) -> None:
        """What users said stays said."""

    def saved(self) -> JsonObject:
        return {} if self._since is None else {"since": self._since}

    def restore(self, saved: JsonObject) -> None:
        self._since = number_at(saved, "since")


class Complaints(_OfUsers[Reported]):
    """Reports of problems, against the usual rate."""

    name = METRIC

    def __init__(self, store: Store, rollout: Rollout, crew: Crew) -> None:
        super().__init__(store, rollout, crew)
        self._book = ComplaintBook(rollout.plan)

    def _read(self) -> Reported:
        if self._book.learns:
            self._book.learn(reports.usual_per_day(self._engine, self._place, self._began))
        return reports.reported(self._engine, self._place, self._new, self._began, self._since)

    def _take(self, found: Reported) -> None:
        self._book.record(found)

    def verdicts(self) -> tuple[Verdict, ...]:
        return self._book.verdicts(self._clock.now() - (self._since or self._began))


class Satisfaction(_OfUsers[tuple[Rated, Rated]]):
    """Ratings of the new version, where the configuration takes them as a signal."""

    name = SATISFACTION

    def __init__(self, store: Store, rollout: Rollout, crew: Crew) -> None:
        super().__init__(store, rollout, crew)
        self._book = SatisfactionBook(rollout.plan)

    def _read(self) -> tuple[Rated, Rated]:
        rated = partial(reports.rated, self._engine, self._place)
        old = rated(self._old, self._began - _OF_LATE) if self._old else Rated()
        return rated(self._new, self._began), old

    def _take(self, found: tuple[Rated, Rated]) -> None:
        self._book.record(*found)

    def verdicts(self) -> tuple[Verdict, ...]:
        return self._book.verdicts()
