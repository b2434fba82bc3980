"""The rules of one listener: what they do now, and the few that are ours."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pilotage.adapters.aws import Aws, Recent, Refused
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.alb_groups import MOST_PAGES, Groups
from pilotage.adapters.routers.alb_identity import ROLE
from pilotage.adapters.routers.alb_record import Settings
from pilotage.adapters.routers.alb_rules import (
    MOST_GROUPS,
    NOBODY,
    Rule,
    Wanted,
    essence,
    forward,
    header_in,
    last_free,
    per_mille,
    priorities,
    rule_in,
    with_header,
    with_last,
)
from pilotage.model.json import Json, JsonObject, find, list_at, text_at
from pilotage.model.traffic import HeaderRoute, Split

STANDBY = "standby"
"""The role of the rule that no request meets."""
_ROUTE = "route"
_EACH = 0.1


@dataclass(frozen=True, kw_only=True)
class Seen:
    """mains: the rules that lead users, as configured · ours: by role · others: all the rest · versions: of the groups
    of ours that any of them names."""

    mains: tuple[Rule, ...]
    ours: Mapping[str, Rule]
    others: tuple[Rule, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    def weights(self) -> dict[str, int]:
        """Of every group that the rules of users name."""
        return {arn: weight for main in self.mains for arn, weight in main.weights.items()}

    def serving(self) -> dict[str, str]:
        """The version of each group of ours to which every rule sends users."""
        every = [{arn for arn, weight in main.weights.items() if weight} for main in self.mains]
        common = set.intersection(*every) if every else set()
        return {arn: version for arn, version in self.versions.items() if arn in common}

    def idle(self) -> dict[str, int]:
        """Weights of the groups that wait in a rule that no request meets."""
        return self.ours[STANDBY].weights if STANDBY in self.ours else {}

    def reached(self) -> dict[str, str]:
        """The version of each group of ours that any user or tester can reach."""
        rules = [*self.mains, *(rule for role, rule in self.ours.items() if role != STANDBY)]
        named = {arn for rule in rules for arn, weight in rule.weights.items() if weight}
        return {arn: version for arn, version in self.versions.items() if arn in named}

    def split(self, *, known: bool) -> Split | None:
        """The split of users. known: whether one was set. Raises AdapterError for rules that Pilotage did not set."""
        found = [self._split_of(main, number) for number, main in enumerate(self.mains)]
        if any(one != found[0] for one in found):
            shown = "; ".join(f"{main.shown()} {self.shown(main)}" for main in self.mains)
            raise AdapterError(f"the rules send users different ways: {shown}")
        if found[0] is None and known:
            raise AdapterError(f"{self.mains[0].shown()} {self.shown(self.mains[0])}, and Pilotage did not set that")
        return found[0]

    def _split_of(self, main: Rule, number: int) -> Split | None:
        routes = tuple(
            HeaderRoute(route.header, route.value, route.version)
            for role, rule in sorted(self.ours.items(), key=lambda one: one[1].priority or 0)
            if role.startswith(_ROUTE) and role.split()[2] == str(number)
            for version in [self.versions[arn] for arn in rule.weights if arn in self.versions][:1]
            if (route := header_in(rule, version)) is not None
        )
        weights = self.idle() if main.closed else main.weights
        total = {arn: weight for arn, weight in weights.items() if weight}
        if not set(total) & set(self.versions):
            return None
        if set(total) - set(self.versions):
            raise AdapterError(f"{main.shown()} {self.shown(main)}, and Pilotage did not set that")
        return Split(tuple((self.versions[arn], share) for arn, share in per_mille(total)), routes, closed=main.closed)

    def shown(self, main: Rule) -> str:
        """What a rule does with users, for sentences."""
        if not main.weights:
            return "answers itself" if main.closed else f"has the action {find(main.last, 'Type')}"
        names = {arn: self.versions.get(arn) or arn.split("/")[-2] for arn in main.weights}
        return "sends users to " + ", ".join(f"{names[arn]} {weight}" for arn, weight in main.weights.items())


@dataclass(frozen=True, kw_only=True)
class Listener:
    """check: raises Fenced."""

    aws: Aws
    settings: Settings
    groups: Groups
    check: Callable[[], None]
    _recent: Recent = field(default_factory=Recent)

    def seen(self, *, look: bool = False) -> Seen:
        """The rules as AWS shows them. Raises AdapterError."""
        return self._recent.of("rules", lambda: self._seen(look)) if look else self._seen(look)

    def _seen(self, look: bool) -> Seen:
        rules = self._rules(look)
        roles = self.groups.mine((rule.arn for rule in rules if rule.priority is not None), look=look)
        mains = tuple(self._mains(rules))
        ours = {role: rule for rule in rules if (role := roles.get(rule.arn))}
        others = tuple(rule for rule in rules if rule not in mains and rule.arn not in roles)
        named = dict.fromkeys(arn for rule in (*mains, *ours.values()) for arn in rule.weights)
        versions = self.groups.ours(named, look=look)
        return Seen(mains=mains, ours=ours, others=others, versions=versions)

    def _rules(self, look: bool) -> list[Rule]:
        found: list[Rule] = []
        marker: dict[str, Json] = {}
        for _ in range(MOST_PAGES):
            answer = self.aws.call(
                "elbv2", "describe_rules", {"ListenerArn": self.settings.listener_arn, **marker}, look=look
            )
            found += [rule_in(one) for one in list_at(answer, "Rules")]
            if not find(answer, "NextMarker"):
                return found
            marker = {"Marker": text_at(answer, "NextMarker")}
        raise AdapterError(f"AWS's list of rules does not end after {MOST_PAGES} pages")

    def _mains(self, rules: Sequence[Rule]) -> Iterable[Rule]:
        if self.settings.listener:
            return [rule for rule in rules if rule.priority is None]
        by_arn = {rule.arn: rule for rule in rules}
        if missing := [arn for arn in self.settings.rules if arn not in by_arn]:
            raise AdapterError(f"the listener has no rule {missing[0]}")
        return [by_arn[arn] for arn in self.settings.rules]

    def settled(self, right: Callable[[Seen], bool], within: float) -> Seen:
        """Look until AWS shows what was written. Raises AdapterError where it does not in time."""
        until = time.monotonic() + within
        while not right(seen := self.seen()):
            if time.monotonic() > until:
                shown = ", ".join(f"{main.shown()} {seen.shown(main)}" for main in seen.mains)
                raise AdapterError(f"AWS accepted a change of the rules and does not show it: {shown}")
            time.sleep(_EACH)
        return seen

    # ── changes ────────────────────────────────────────────────────────────────────────────────────────────

    def modify(self, rule: Rule, target: JsonObject) -> None:
        """Set what a rule does with requests. Raises AdapterError, Fenced."""
        actions = with_last(rule.actions, target)
        if rule.priority is None:
            self._write("modify_listener", ListenerArn=self.settings.listener_arn, DefaultActions=actions)
        else:
            self._write("modify_rule", RuleArn=rule.arn, Actions=actions)

    def set_standby(self, seen: Seen, arns: Mapping[str, int] | Iterable[str]) -> Seen:
        """See that these groups, and no others, wait where no request comes. With weights, they are what users get
        once the service is open again. Raises AdapterError, Fenced."""
        weights = dict(arns) if isinstance(arns, Mapping) else dict.fromkeys(arns, 1)
        there = seen.ours.get(STANDBY)
        if not weights:
            return self._dropped(seen, [there] if there else [])
        if len(weights) > MOST_GROUPS:
            raise AdapterError(
                f"{len(weights)} versions at once are too many: AWS has {MOST_GROUPS} groups in an action"
            )
        target = forward(weights, self.settings.sticky)
        if there and essence(there.last) == essence(target):
            return seen
        if there:
            self._write("modify_rule", RuleArn=there.arn, Actions=[target])
        else:
            taken = [rule.priority for rule in (*seen.mains, *seen.others, *seen.ours.values())]
            self._create(Wanted(role=STANDBY, priority=last_free(taken), conditions=(NOBODY,), target=target))
        return self.settled(lambda now: STANDBY in now.ours and now.ours[STANDBY].does(target), 5.0)

    def set_routes(self, seen: Seen, split: Split, arns: Mapping[str, str]) -> Seen:
        """See that these header routes, and no others of ours, are asked before the rules of users. Raises
        AdapterError, Fenced."""
        wanted = {one.role: one for one in self.routes(seen, split, arns)}
        there = {role: rule for role, rule in seen.ours.items() if role.startswith(_ROUTE)}
        wrong = [role for role, rule in there.items() if role not in wanted or not _may_become(rule, wanted[role])]
        seen = self._dropped(seen, [there[role] for role in wrong])
        for role, one in wanted.items():
            rule = seen.ours.get(role)
            if rule is None:
                self._create(one)
            elif not _is(rule, one):
                self._write("modify_rule", RuleArn=rule.arn, Conditions=list(one.conditions), Actions=one.actions)
        if all(role in seen.ours and _is(seen.ours[role], one) for role, one in wanted.items()):
            return seen
        return self.settled(lambda now: all(r in now.ours and _is(now.ours[r], w) for r, w in wanted.items()), 5.0)

    def routes(self, seen: Seen, split: Split, arns: Mapping[str, str]) -> Iterable[Wanted]:
        """The rules that its header routes need. Changes nothing. Raises AdapterError where there is no room."""
        others = [*seen.others, *seen.mains]
        for number, main in enumerate(seen.mains):
            free = priorities(main, others, len(split.header_routes)) if split.header_routes else ()
            for index, (route, priority) in enumerate(zip(split.header_routes, free, strict=True)):
                target = forward({arns[route.version]: 1})
                conditions = with_header(main.conditions, route)
                role = f"{_ROUTE} {index} {number}"
                yield Wanted(role=role, priority=priority, conditions=conditions, target=target, like=main)

    def drop(self, rules: Iterable[Rule]) -> None:
        """Delete rules of ours. Raises AdapterError, Fenced."""
        for rule in rules:
            try:
                self._write("delete_rule", RuleArn=rule.arn)
            except Refused as error:
                if error.reason != "RuleNotFound":
                    raise

    def _dropped(self, seen: Seen, rules: Sequence[Rule]) -> Seen:
        self.drop(rules)
        gone = {rule.arn for rule in rules}
        return self.settled(lambda now: not gone & {rule.arn for rule in now.ours.values()}, 5.0) if gone else seen

    def _create(self, one: Wanted) -> None:
        tags = [{"Key": key, "Value": value} for key, value in {**self.groups.identity.tags, ROLE: one.role}.items()]
        self._write(
            "create_rule",
            ListenerArn=self.settings.listener_arn,
            Priority=one.priority,
            Conditions=list(one.conditions),
            Actions=one.actions,
            Tags=tags,
            **({"Transforms": list(one.like.transforms)} if one.like and one.like.transforms else {}),
        )

    def _write(self, operation: str, **arguments: Json) -> JsonObject:
        self._recent.forget()
        return self.aws.call("elbv2", operation, arguments, within=8.0, before=self.check)


def _is(rule: Rule, wanted: Wanted) -> bool:
    return rule.does(wanted.target) and _may_become(rule, wanted) and _same(rule.conditions, wanted.conditions)


def _may_become(rule: Rule, wanted: Wanted) -> bool:
    return rule.priority == wanted.priority


def _same(some: Sequence[JsonObject], others: Sequence[JsonObject]) -> bool:
    return sorted(map(str, map(_sorted, some))) == sorted(map(str, map(_sorted, others)))


def _sorted(found: Json) -> Json:
    if isinstance(found, Mapping):
        return {key: _sorted(value) for key, value in sorted(found.items())}
    if isinstance(found, list | tuple):
        return sorted((_sorted(value) for value in found), key=str)
    return found
