"""Rules of a listener as data: what they do with requests, and what they should do.

A rule's last action decides where a request goes: `forward` to weighted target groups, or a `fixed-response`. Actions
before it, such as a login, stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pilotage.adapters.ports import AdapterError
from pilotage.model.json import Json, JsonObject, each, find, list_at, object_at, text_at, whole_at
from pilotage.model.traffic import WHOLE, HeaderRoute

MOST_WEIGHT, MOST_GROUPS, MOST_VALUES, MOST_PRIORITY = 999, 5, 5, 50_000
"""AWS's bounds: of a weight, of target groups of an action, of values in the conditions of a rule, of a priority."""
NOBODY: JsonObject = {"Field": "source-ip", "SourceIpConfig": {"Values": ["255.255.255.255/32"]}}
"""A condition that no request meets: nobody has the address that means everybody."""
_MOST_PAGE = 1024
_CONFIGS = {
    "host-header": "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "query-string": "QueryStringConfig",
    "source-ip": "SourceIpConfig",
}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """priority: None for the default rule of a listener, which is asked last."""

    arn: str
    priority: int | None
    conditions: tuple[JsonObject, ...] = ()
    actions: tuple[JsonObject, ...] = ()
    transforms: tuple[JsonObject, ...] = ()

    @property
    def last(self) -> JsonObject:
        return self.actions[-1] if self.actions else {}

    @property
    def weights(self) -> dict[str, int]:
        """Of target groups, by their ARNs; empty where it does not forward."""
        return weights_in(self.last)

    @property
    def closed(self) -> bool:
        return find(self.last, "Type") == "fixed-response"

    def does(self, target: JsonObject) -> bool:
        """Whether its requests go where this action says."""
        return essence(self.last) == essence(target)

    def shown(self) -> str:
        """For sentences, such as `rule 10` or `the listener's default rule`."""
        return "the listener's default rule" if self.priority is None else f"rule {self.priority}"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A rule of ours as it should be. role: tells ours apart · like: the rule whose logins and rewrites it has, too."""

    role: str
    priority: int
    conditions: tuple[JsonObject, ...]
    target: JsonObject
    like: Rule | None = None

    @property
    def actions(self) -> list[Json]:
        """Raises AdapterError where AWS shows nobody what they need."""
        before = self.like.actions if self.like else ()
        if any(find(action, "Type") == "authenticate-oidc" for action in before[:-1]):
            raise AdapterError("a header route would need the secret of the rule's login, which AWS shows nobody")
        return with_last(before, self.target)


def rule_in(found: Json) -> Rule:
    """One of DescribeRules' answer."""
    priority = text_at(found, "Priority")
    actions = sorted((object_at(one) for one in list_at(found, "Actions")), key=_order)
    return Rule(
        arn=text_at(found, "RuleArn"),
        priority=int(priority) if priority.isdigit() else None,
        conditions=tuple(_condition(object_at(one)) for one in list_at(found, "Conditions")),
        actions=tuple(actions),
        transforms=tuple(each(object_at, found, "Transforms")) if find(found, "Transforms") else (),
    )


def _order(action: JsonObject) -> int:
    order = find(action, "Order")
    return order if isinstance(order, int) else MOST_PRIORITY


def _condition(found: JsonObject) -> JsonObject:
    """As it may be written: AWS shows the values twice and takes them once."""
    field_, config = text_at(found, "Field"), _CONFIGS.get(text_at(found, "Field"), "")
    if config and find(found, config):
        return {"Field": field_, config: find(found, config)}
    return {"Field": field_, "Values": list_at(found, "Values")}


def weights_in(action: JsonObject) -> dict[str, int]:
    if find(action, "Type") != "forward":
        return {}
    if find(action, "ForwardConfig", "TargetGroups"):
        groups = list_at(action, "ForwardConfig", "TargetGroups")
        return {text_at(one, "TargetGroupArn"): _weight(one) for one in groups}
    return {text_at(action, "TargetGroupArn"): 1} if find(action, "TargetGroupArn") else {}


def _weight(group: Json) -> int:
    return whole_at(group, "Weight") if find(group, "Weight") is not None else 1


def essence(action: JsonObject) -> tuple[object, ...]:
    """What of an action decides where requests go; equal for two that do the same."""
    kind = find(action, "Type")
    if kind == "forward":
        weights = weights_in(action)
        seconds = sticky_in(action) if len(weights) > 1 else 0
        return kind, frozenset(weights.items()) if len(weights) > 1 else frozenset(weights), seconds
    page = find(action, "FixedResponseConfig")
    return kind, *(find(page, key) for key in ("StatusCode", "ContentType", "MessageBody"))


def text_of(action: JsonObject) -> str:
    """What an action does, for comparing."""
    kind, *rest = essence(action)
    return " ".join([str(kind), *(str(sorted(one)) if isinstance(one, frozenset) else str(one) for one in rest)])


def sticky_in(action: JsonObject) -> int:
    """Seconds for which users stay with a target group; 0 where they do not."""
    told = find(action, "ForwardConfig", "TargetGroupStickinessConfig")
    if not find(told, "Enabled"):
        return 0
    return whole_at(told, "DurationSeconds") if find(told, "DurationSeconds") is not None else 0


def forward(weights: Mapping[str, int], sticky: int = 0) -> JsonObject:
    """Forward to these target groups. sticky: seconds; only where users have a choice, because a user who had none
    would stay with stable when a canary comes."""
    if len(weights) > MOST_GROUPS:
        raise AdapterError(f"AWS splits between {MOST_GROUPS} target groups at most, and this is {len(weights)}")
    groups: list[Json] = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]
    config: dict[str, Json] = {"TargetGroups": groups}
    if sticky and sum(weight > 0 for weight in weights.values()) > 1:
        config["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": sticky}
    return {"Type": "forward", "ForwardConfig": config}


def page(body: str) -> JsonObject:
    """Answer every request with 503."""
    if len(body.encode()) > _MOST_PAGE:
        raise AdapterError(f"maintenance_page: AWS takes {_MOST_PAGE} bytes, and this one has {len(body.encode())}")
    config = {"StatusCode": "503", "ContentType": "text/html" if body.lstrip().startswith("<") else "text/plain"}
    return {"Type": "fixed-response", "FixedResponseConfig": {**config, "MessageBody": body}}


def told(weights: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Weights as AWS takes them, exact: a whole one is alone, so its number does not matter."""
    found = dict(weights)
    alone = sum(weight > 0 for weight in found.values()) == 1
    return {name: min(weight, 1) for name, weight in found.items()} if alone else found


def per_mille(weights: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """The weights of versions of which AWS sends requests. Raises AdapterError where they are no whole per mille."""
    total = sum(weights.values())
    if any(weight * WHOLE % total for weight in weights.values()):
        raise AdapterError(
            f"the weights {sorted(weights.values())} are no whole per mille, so Pilotage did not set them"
        )
    return tuple((name, weight * WHOLE // total) for name, weight in weights.items() if weight)


def with_last(actions: Sequence[JsonObject], target: JsonObject) -> list[Json]:
    """The actions of a rule, with another last one."""
    before = [_again(action) for action in actions[:-1]]
    return [*before, {**target, "Order": len(before) + 1} if before else target]


def _again(action: JsonObject) -> JsonObject:
    """An action as it may be written again: AWS shows nobody the secret of a login."""
    if find(action, "Type") != "authenticate-oidc":
        return action
    config = {**object_at(action, "AuthenticateOidcConfig"), "UseExistingClientSecret": True}
    return {**action, "AuthenticateOidcConfig": config}


def with_header(conditions: Sequence[JsonObject], route: HeaderRoute) -> tuple[JsonObject, ...]:
    """Conditions that are met only with this header. Raises AdapterError where AWS has no such condition."""
    refuse_header(route)
    config = {"HttpHeaderName": route.header, "Values": [route.value]}
    wanted: tuple[JsonObject, ...] = (*conditions, {"Field": "http-header", "HttpHeaderConfig": config})
    if sum(map(_values_of, wanted)) > MOST_VALUES:
        raise AdapterError(
            f"a rule has {MOST_VALUES} values in its conditions at most; there is no room for {route.header}"
        )
    return wanted


def refuse_header(route: HeaderRoute) -> None:
    if len(route.header) > 40 or route.header.lower() == "host":
        raise AdapterError(f"AWS has no condition on a header called {route.header}")
    if not route.value or len(route.value) > 128 or not route.value.isprintable() or set(route.value) & set('*?"\\'):
        raise AdapterError(f"AWS has no condition on exactly the value {route.value!r} of {route.header}")


def _values_of(condition: JsonObject) -> int:
    config = _CONFIGS.get(str(find(condition, "Field")), "")
    found = find(condition, config, "Values") if config and find(condition, config) else find(condition, "Values")
    return len(found) if isinstance(found, list | tuple) else 0


def header_in(rule: Rule, version: str) -> HeaderRoute | None:
    """Which header leads to it; None where none does."""
    for condition in reversed(rule.conditions):
        if find(condition, "Field") == "http-header":
            config = object_at(condition, "HttpHeaderConfig")
            return HeaderRoute(text_at(config, "HttpHeaderName"), text_at(config, "Values", 0), version)
    return None


def priorities(main: Rule, others: Iterable[Rule], count: int) -> tuple[int, ...]:
    """Free priorities for `count` rules that are asked just before `main`, in order, and after every rule of others
    that is asked before it. Raises AdapterError where there are none."""
    taken = {rule.priority: rule for rule in others if rule.priority is not None}
    if main.priority is None:
        # Another environment's rule that no request meets may stand last.
        first = max((at for at, rule in taken.items() if NOBODY not in rule.conditions), default=0) + 1
        free = tuple(at for at in range(first, min(first + count + len(taken), MOST_PRIORITY)) if at not in taken)
        if len(free) < count:
            raise AdapterError(f"no {count} priorities are free below {MOST_PRIORITY}: renumber the listener's rules")
        return free[:count]
    wanted = tuple(range(main.priority - count, main.priority))
    if in_the_way := [one for one in wanted if one in taken or one < 1]:
        raise AdapterError(
            f"header routes need the {count} priorities before {main.priority}, and {in_the_way[-1]} is not free",
            cure="renumber the rules with `aws elbv2 set-rule-priorities`",
        )
    return wanted


def last_free(taken: Iterable[int | None]) -> int:
    """A priority for a rule that nobody meets."""
    used = set(taken)
    return next(one for one in range(MOST_PRIORITY, 0, -1) if one not in used)
