"""`router: {kind: alb}`: a listener of an AWS load balancer that other people own, or some of its rules.

Each version has a target group. Groups that users may reach stand in the rules' forward action, and nowhere with a
weight of 0: a user whom a cookie leads to a group gets it whatever its weight. The others wait in a rule of ours that
no request meets, because AWS checks the health of attached groups alone. A Network Load Balancer has no rules and no
such cookies; there they wait with a weight of 0.

Order of writing: where only weights change between groups that serve, the rules of users first. Else groups, targets,
their health, the rules, and only then what is needed no more.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pilotage.adapters.aws import Aws
from pilotage.adapters.cohorts import refuse_cohort
from pilotage.adapters.fence import Fence
from pilotage.adapters.ports import AdapterError, Backends
from pilotage.adapters.routers.alb_groups import Group, Groups
from pilotage.adapters.routers.alb_identity import identity_of
from pilotage.adapters.routers.alb_listener import Listener, Seen
from pilotage.adapters.routers.alb_record import RECORD, Remembered, Settings, forget, remember, remembered
from pilotage.adapters.routers.alb_rules import Rule, forward, page, text_of, told
from pilotage.adapters.routers.alb_targets import Targets
from pilotage.adapters.routers.change import Change, begun
from pilotage.model.json import JsonObject, text_at
from pilotage.model.traffic import Split

_log = logging.getLogger(__name__)

SETTLE = 5.0
"""Seconds until AWS shows what it was told."""
_EACH = 0.1
_MOST_VERSIONS = 5


@dataclass(kw_only=True)
class _Change:
    """One call of `apply`. begins: since when · told: the record as it is · arns: of the groups of versions."""

    split: Split
    backends: Backends
    begins: Change
    seen: Seen
    told: Remembered
    arns: Mapping[str, str] = field(default_factory=dict)


class AlbRouter:
    """The Router port. directory: for its record · service, environment: whose it is."""

    def __init__(self, directory: Path, fence: Fence, settings: Settings, *, service: str, environment: str) -> None:
        self.settings = settings
        self._directory, self._fence = directory, fence
        self._service, self._environment = service, environment
        # Nothing fences off the way back of an operator.
        check: Callable[[], None] = fence.check if fence.token else lambda: None
        self.aws = Aws(settings.access)
        self.groups = Groups(
            aws=self.aws,
            identity=identity_of(service, environment, settings.where),
            given=settings.groups,
            model=settings.target_group,
            check=check,
        )
        self.listener = Listener(aws=self.aws, settings=settings, groups=self.groups, check=check)
        self._targets = Targets(self.groups)
        self._ours: dict[str, Group] = {}

    # ── the port ───────────────────────────────────────────────────────────────────────────────────────────

    def url(self) -> str:
        return self.settings.url

    def apply(self, split: Split, backends: Backends) -> None:
        self._fence.check()
        refuse_cohort(split, "an AWS load balancer")
        if split.mirror:
            raise AdapterError("AWS load balancers cannot mirror requests: leave the mirror out")
        wanted = [] if split.closed else [version for version, _ in split.weights]
        wanted += [route.version for route in split.header_routes]
        if missing := [version for version in wanted if not backends.get(version)]:
            raise AdapterError(f"no instance of {missing[0]} to send requests to")
        if self.settings.network and (split.closed or split.header_routes):
            raise AdapterError("a Network Load Balancer has neither header routes nor a maintenance page")
        self.change(split, backends)

    def read(self) -> Split | None:
        record = remembered(self._directory)
        return self.listener.seen(look=True).split(known=record is not None and record.led)

    def endpoints(self) -> Mapping[str, frozenset[tuple[str, int]]] | None:
        seen = self.listener.seen(look=True)
        if not seen.reached():
            return None
        record = remembered(self._directory)
        names = {(version, ip, port): host for version, there in (record.instances if record else {}).items()
                 for host, port, ip in there}  # fmt: skip
        found = {}
        for arn, version in seen.reached().items():
            states = self.groups.targets(arn, look=True)
            # Where no target is healthy, AWS sends requests to all of them.
            good = [at for at, state in states.items() if state == "healthy"]
            good = good or [at for at, state in states.items() if state == "unhealthy"]
            if good:
                found[version] = frozenset((names.get((version, *at), at[0]), at[1]) for at in good)
        return found

    def stop(self) -> None:
        self._fence.check()
        self.withdraw()

    # ── without the fence ──────────────────────────────────────────────────────────────────────────────────

    def change(self, split: Split, backends: Backends) -> None:
        """Set a split. Raises AdapterError."""
        begins = begun(self._directory, self._fence)
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        before = remembered(self._directory)
        seen = self._unedited(split, before)
        now = before or Remembered(
            settings=self.settings, service=self._service, environment=self._environment, split=split
        )
        change = _Change(split=split, backends=backends, begins=begins, seen=seen, told=now)
        weighted = () if split.closed else [version for version, _ in split.weights]
        serving = {version: arn for arn, version in seen.serving().items()}
        known = bool(weighted) and set(weighted) <= set(serving)
        if known:
            # Users are led back before anything else is asked or said.
            change.arns = serving
            self._lead(change)
        reached = dict.fromkeys([*weighted, *(route.version for route in split.header_routes)])
        with_instances = [version for version, there in backends.items() if there]
        needed = tuple(dict.fromkeys([*(version for version, _ in split.weights), *reached, *with_instances]))
        if len(needed) > _MOST_VERSIONS:
            raise AdapterError(f"{_MOST_VERSIONS} versions at once are the most, and there are {len(needed)}")
        groups = {version: self.groups.ensure(version, seen.weights(), needed) for version in needed}
        change.arns = {version: group.arn for version, group in groups.items()}
        self._attach(change)
        wanted = self._targets.resolved(groups, backends)
        self._targets.register(groups, wanted)
        self._targets.await_health([version for version in reached if version not in serving], groups, wanted)
        if not known:
            list(self.listener.routes(change.seen, split, change.arns))  # refused before users are led
            self._lead(change)
        change.seen = self.listener.set_routes(change.seen, split, change.arns)
        self._note(change, settings=self.settings, instances=self._targets.told(wanted))
        self._tidy(change, wanted)

    def withdraw(self) -> None:
        """Send nobody anywhere, and delete what is ours. Raises AdapterError."""
        seen, groups = self.listener.seen(), self.groups.every()
        mine = {group.arn for group in groups if group.version}
        if not mine and not seen.ours and not (self._directory / RECORD).exists():
            return
        for main in seen.mains:
            if mine & set(main.weights):
                self.listener.modify(main, self._nothing(seen))
        self.listener.drop(list(seen.ours.values()))
        self.listener.settled(lambda now: not now.ours and not mine & set(now.weights()), SETTLE)
        for group in groups:
            if group.version:
                self.groups.remove(group)
        forget(self._directory)

    def _nothing(self, seen: Seen) -> JsonObject:
        """What the rules do without a version. A Network Load Balancer must forward, so it gets its old group."""
        if self.settings.network:
            return forward({text_at(self.groups.model_of(seen.weights()), "TargetGroupArn"): 1})
        return page(self.settings.page or "The service is down.")

    # ── the rules ──────────────────────────────────────────────────────────────────────────────────────────

    def _unedited(self, split: Split, before: Remembered | None) -> Seen:
        """What the listener does. Raises AdapterError where other people changed it, unless all users are led to one
        version now, and were not yet: nothing keeps them from being led back."""
        seen = self.listener.seen()
        if before is None:
            return seen
        led = len(split.weights) == 1 and split.weights != before.split.weights
        until = time.monotonic() + SETTLE
        while edited := [main for main in seen.mains if _is_edited(main, before)]:
            if led or time.monotonic() > until:
                break
            time.sleep(_EACH)  # perhaps AWS still shows what was there before
            seen = self.listener.seen()
        if not edited:
            return seen
        said = f"somebody changed {edited[0].shown()}: it {seen.shown(edited[0])}"
        if led:
            _log.warning("%s. All users are led to %s now", said, split.weights[0][0])
            return seen
        had = ", ".join(f"{version} {weight / 10:g}%" for version, weight in before.split.weights)
        raise AdapterError(f"{said}, and Pilotage had set {had}", cure="set that again, or abort the rollout")

    def _lead(self, change: _Change) -> None:
        """Set where users go: one call for each rule."""
        target, mains = self._target(change), change.seen.mains
        changed = [main for main in mains if not main.does(target)]
        with change.begins.alone(change.split):
            may = {main.arn: (text_of(main.last), text_of(target)) for main in mains}
            self._note(change, split=change.split, written=may)
            for main in changed:
                self.listener.modify(main, target)
        if changed:
            change.seen = self.listener.settled(lambda now: all(main.does(target) for main in now.mains), SETTLE)
        self._note(change, written={main.arn: (text_of(target),) for main in mains}, led=True)

    def _target(self, change: _Change) -> JsonObject:
        split = change.split
        if split.closed:
            return page(self.settings.page or "The service is closed for maintenance.")
        weights = told((change.arns[version], weight) for version, weight in split.weights)
        if self.settings.network:
            waiting = [*(arn for arn in change.seen.weights() if arn in change.seen.versions), *change.arns.values()]
            weights = {**dict.fromkeys(waiting, 0), **weights}
        return forward(weights, self.settings.sticky)

    def _attach(self, change: _Change) -> None:
        """See that every group is attached, so that AWS checks its health."""
        seen, arns = change.seen, change.arns
        if change.split.closed:
            # What users of a closed service would get is read there, too.
            wanted = told((arns[version], weight) for version, weight in change.split.weights)
            change.seen = self.listener.set_standby(seen, {**dict.fromkeys(arns.values(), 0), **wanted})
            return
        missing = [arn for arn in arns.values() if arn not in seen.weights() and arn not in seen.idle()]
        if not missing:
            return
        if not self.settings.network:
            change.seen = self.listener.set_standby(seen, [*seen.idle(), *missing])
            return
        # Before its first split, a group waits next to the old one.
        self._reweigh(change, {**seen.weights(), **dict.fromkeys(missing, 0)})

    def _reweigh(self, change: _Change, weights: Mapping[str, int]) -> None:
        """Let other groups wait in the only rule of a Network Load Balancer."""
        (main,) = change.seen.mains
        target = forward(weights)
        self._note(change, written={main.arn: (text_of(main.last), text_of(target))})
        self.listener.modify(main, target)
        change.seen = self.listener.settled(lambda now: now.mains[0].does(target), SETTLE)

    # ── what is needed no more ─────────────────────────────────────────────────────────────────────────────

    def _tidy(self, change: _Change, wanted: Mapping[str, Mapping[tuple[str, int], str]]) -> None:
        """Targets of others leave, groups that users reach no more wait, and those of no version go once their last
        requests are answered."""
        if not change.split.closed:
            reached = change.seen.reached()
            waits = [arn for arn in change.arns.values() if arn not in reached]
            leaving = self._leaving(change)
            busy = [group for group in leaving if self._targets.empty(group)]
            self._stand_by(change, [*waits, *(group.arn for group in busy)][:_MOST_VERSIONS])
            named = {*change.seen.weights(), *change.seen.idle(), *change.seen.reached()}
            for group in leaving:
                if group.arn not in named:
                    self.groups.remove(group)
                    self._ours.pop(group.arn, None)
        self._targets.leave(change.arns, wanted)

    def _leaving(self, change: _Change) -> list[Group]:
        """Groups of ours that no version needs. All of the region are listed once: an earlier controller may have left
        one that no rule names."""
        if not self._ours or self.settings.groups:
            self._ours = {group.arn: group for group in self.groups.every() if group.version}
        for arn, version in change.seen.versions.items():
            self._ours.setdefault(arn, Group(arn=arn, version=version, kind=""))
        return [group for group in self._ours.values() if group.version not in change.arns]

    def _stand_by(self, change: _Change, idle: Sequence[str]) -> None:
        """See that these groups wait, and no others."""
        if not self.settings.network:
            change.seen = self.listener.set_standby(change.seen, idle)
            return
        kept = {arn: weight for arn, weight in change.seen.weights().items() if weight or arn in idle}
        if kept != change.seen.weights():
            self._reweigh(change, kept)

    def _note(self, change: _Change, **changed: object) -> None:
        """Leave a note before the listener is told. A disk without room keeps nobody on a bad version."""
        change.told = replace(change.told, **changed)  # type: ignore[arg-type]
        try:
            remember(self._directory, change.told)
        except OSError as error:
            _log.warning("cannot write %s: %s", self._directory / RECORD, error.strerror)


def _is_edited(main: Rule, before: Remembered) -> bool:
    return main.arn in before.written and text_of(main.last) not in before.written[main.arn]
