"""Sets the desired state of router, fleet, flag and checks in a thread of its own. A call that hangs delays no look,
and is not repeated while it hangs. In a rollback the users come first, whatever else hangs."""

from __future__ import annotations

import errno
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pilotage.adapters.ports import AdapterError, AwaitsApproval, Fenced, PreparingFleet
from pilotage.engine.execution.crew import Call, Crew
from pilotage.engine.execution.failpoints import reach
from pilotage.engine.execution.polling import Here
from pilotage.engine.execution.targets import Target
from pilotage.engine.rescue import ballast
from pilotage.model.action import Action, Apply, Check, Ensure, Replace, SetFlag
from pilotage.model.flag import NOT_ASKED, OFF, Refusal
from pilotage.model.observation import CheckStatus, Health, Instance
from pilotage.model.rollout import Observed
from pilotage.model.step_ids import PREPARE
from pilotage.model.traffic import Split, at_grain

_log = logging.getLogger(__name__)
_BUDGET = 2.0
"""Seconds that a look waits until everything is set."""
_LIVING = (Health.HEALTHY, Health.STARTING, Health.UNHEALTHY)

_SAY_AGAIN = 3.0
"""Seconds after which an unchanged desired state is set again."""

Facts = Callable[[str, str], Mapping[str, str]]


class Acting:
    """Of one rollout. `refused` says why part of the last desired state could not be set; the next look reports it.
    `refusal` is that of the flag's provider, which is no trouble while it only waits for an approval."""

    def __init__(self, name: str, place: Path, crew: Crew, *, overseen: bool = False) -> None:
        """place: the target's folder · overseen: as of `Sight`."""
        self._name, self._place, self._crew, self._overseen = name, place, crew, overseen
        self._here = Here()
        self._call: Call[list[str]] | None = None
        self._back = False
        self._said: tuple[object, float] = (None, -math.inf)
        self.refused: list[str] = []
        self._ended: list[str] = []
        """What the last call that came back was refused."""
        self.refusal: Refusal | None = NOT_ASKED
        self.given_at = -math.inf
        """When users were last given something, by a flag or a split, on the monotonic clock: no earlier reading shows
        it."""

    def act(
        self, target: Target, actions: Sequence[Action], seen: Observed, facts: Facts, there: Sequence[Instance], *,
        back: bool,
    ) -> None:  # fmt: skip
        """Set the desired state. What is refused now is set again at the next look, which reports the reason. there:
        the last known instances, in case they cannot be seen · back: users are returned, which waits for no earlier
        call. Raises Fenced, Overtaken."""
        seen = replace(seen, instances=tuple(there)) if seen.instances is None and there else seen
        if self._here.is_left and self._call is not None and (self._back or not back):
            self._call.wait(_BUDGET - self._call.age)  # this look continues with that of a thread that was overtaken
        if self._call is not None and not self._call.done and (self._back or not back):
            self.refused = self._under_way(self._call.age)
            return
        if self._call is not None and self._call.done and (self._back or not back):
            ended, self._call = self._call, None
            self._ended = ended.result()
        settled = None if self.refused or self.refusal or back else _settled(actions, seen)
        said, at = self._said
        if settled is not None and settled == said and time.monotonic() - at < _SAY_AGAIN:
            return
        self._said = settled, time.monotonic()
        ordered = sorted(actions, key=lambda a: not isinstance(a, Apply | SetFlag)) if back else list(actions)
        self._back = back
        call = self._begun(lambda: self._do_all(target, ordered, seen, facts, back=back))
        if call.wait(_BUDGET):
            self._call = None
            self.refused = self._ended = call.result()
        else:
            self.refused = self._under_way(_BUDGET)

    @property
    def is_under_way(self) -> bool:
        """Whether the last call has not come back yet."""
        return self._call is not None and not self._call.done

    def _under_way(self, seconds: float) -> list[str]:
        """What is told meanwhile: why the one before was refused says more than that it is tried again."""
        return [*self._ended, f"the last action started {seconds:.0f} s ago and is still running"]

    def _begun(self, work: Callable[[], list[str]]) -> Call[list[str]]:
        """A call in another thread, or in this one if a watchdog makes sure that nobody waits for it."""
        self._here = Here()
        if not self._overseen:
            self._call = self._crew.start(work)
            return self._call
        call = self._call = Call(work)
        self._here.run(call.run)
        return call

    def leave_to_another(self) -> bool:
        """Whether the look is left to another thread because a call did not return in time."""
        return self._here.leave()

    def _do_all(
        self, target: Target, actions: Sequence[Action], seen: Observed, facts: Facts, *, back: bool
    ) -> list[str]:
        refused: list[str] = []
        refusal: Refusal | None = None
        for action in actions:
            try:
                with self._giving(action, seen, back=back):
                    self._do(target, action, seen, facts)
                reach(type(action).__name__)
            except Fenced:
                raise
            except AdapterError as error:
                refused.append(str(error))
                if isinstance(action, SetFlag):
                    refusal = Refusal(sentence=str(error), approval=isinstance(error, AwaitsApproval))
                if not isinstance(error, AwaitsApproval) or refusal != self.refusal:
                    _log.warning("%s: %s", self._name, error)
            except Exception as error:
                _log.exception("%s: %s failed", self._name, action)
                refused.append(f"{type(action).__name__}: {type(error).__name__}: {error}")
        self.refusal = refusal
        wanted = next((a for a in actions if isinstance(a, Check)), None)
        awaited = (wanted.name, wanted.attempt) if wanted else ("", 0)
        running = {(c.name, c.attempt) for c in seen.checks if c.status is CheckStatus.RUNNING}
        if target.checks and running - {awaited}:
            target.checks.stop_all_but(*awaited)
        return refused

    @contextmanager
    def _giving(self, action: Action, seen: Observed, *, back: bool) -> Iterator[None]:
        """Note when users are given what they were not seen to have: before the call, and when it ends. What takes them
        back gives them nothing."""
        by_flag = isinstance(action, SetFlag) and action.ramp not in (OFF, seen.flag)
        by_split = isinstance(action, Apply) and action.split != seen.split and not back
        gives = by_flag or by_split
        try:
            self.given_at = time.monotonic() if gives else self.given_at
            yield
        finally:
            self.given_at = time.monotonic() if gives else self.given_at

    def _do(self, target: Target, action: Action, seen: Observed, facts: Facts) -> None:
        try:
            _say(target, action, seen, facts)
        except (OSError, AdapterError) as error:
            # The disk is full: what was laid by for this makes room.
            if not _tells_of_full_disk(error) or not ballast.throw(self._place):
                raise
            _say(target, action, seen, facts)


def _tells_of_full_disk(error: BaseException | None) -> bool:
    """Whether it is, or comes of, a disk of this machine without room."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__
    return False


def _say(target: Target, action: Action, seen: Observed, facts: Facts) -> None:
    match action:
        case Ensure(version, count):
            target.fleet.ensure(version, count)
        case Apply(split, keep, without):
            split = at_grain(split, target.can.router.grain)
            target.router.apply(split, _backends(seen, target, split, dict(keep), without))
        case Replace(version, instance):
            target.fleet.replace(version, instance)
        case SetFlag(ramp):
            if target.flags:
                target.flags.apply(ramp)
        case Check(name, attempt, version):
            if name == PREPARE and isinstance(target.fleet, PreparingFleet):
                target.fleet.prepare(version)
            if target.checks and name in target.checks.names():
                target.checks.ensure(name, attempt, facts(version, name))


def _settled(actions: Sequence[Action], seen: Observed) -> object | None:
    """The desired and observed state, if every instance is healthy and the router's split is right; otherwise None.
    While it stays the same, there is nothing to set."""
    if not seen.instances or any(i.health is not Health.HEALTHY for i in seen.instances) or seen.checks:
        return None
    if any(isinstance(a, Apply) and a.split != seen.split for a in actions):
        return None
    return tuple(actions), tuple(i.id for i in seen.instances), seen.endpoints, seen.flag


def _backends(
    seen: Observed, target: Target, split: Split, keep: dict[str, int], without: tuple[str, ...] = ()
) -> dict[str, list[tuple[str, int]]]:
    """Where requests of each version may go: its healthy instances, or any running one if none is healthy, because an
    empty version answers nobody. keep: at most so many, the first · without: `host:port` of instances that are about to
    be replaced; if no others are left, they still serve."""
    instances = seen.instances if seen.instances is not None else target.fleet.instances()
    backends: dict[str, list[tuple[str, int]]] = {}
    for version in {version for version, _ in split.weights} | {i.version for i in instances}:
        living = [i for i in instances if i.version == version and i.health in _LIVING]
        living = [i for i in living if f"{i.host}:{i.port}" not in without] or living
        living = living[: keep.get(version)]
        chosen: list[Instance] = [i for i in living if i.health is Health.HEALTHY] or living
        backends[version] = [(i.host, i.port) for i in chosen]
    return backends
