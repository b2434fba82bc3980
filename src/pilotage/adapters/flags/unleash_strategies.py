"""A ramp as activation strategies of Unleash, and back.

Unleash turns a flag on for a user for whom any of its strategies is true. So a strategy of somebody else reaches more
users than the ramp. Ours are known by their title, which ends with a digest of all that decides whom they reach: an
edit by hand shows whichever controller looks, and no record of what was written last is needed.

One strategy is for everyone. It is there from the first write on, since Unleash takes a flag without one for on, and
its title names the groups. Each group has a strategy of its own. A group is written before the title names it, and
removed after: a group that is named and not there was removed by hand.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pilotage.model.flag import OFF, Ramp
from pilotage.model.json import Json, JsonObject, find, list_at, object_at, text_at
from pilotage.model.segment import Condition, Operator, Segment

EVERYONE = ""
"""In the place of a group's name."""

_TITLE = re.compile(r"(?:group (?P<group>\S+)|(?P<share>\d+) % of everyone(?:, and (?P<groups>\S+))?)")
_SIGNED = re.compile(r"(?P<owner>Pilotage \(\S+\)): (?P<words>.+) #(?P<digest>[0-9a-f]{12})")
_LOWEST_VERSION = "0.0.0-0"
_COMPARISONS: Mapping[Operator, str] = {
    Operator.IN: "IN",
    Operator.STARTS_WITH: "STR_STARTS_WITH",
    Operator.ENDS_WITH: "STR_ENDS_WITH",
    Operator.CONTAINS: "STR_CONTAINS",
    Operator.AT_LEAST: "NUM_GTE",
    Operator.LESS_THAN: "NUM_LT",
    Operator.VERSION_LESS_THAN: "SEMVER_LT",
}


@dataclass(frozen=True, kw_only=True)
class Found:
    """The strategies of a flag in an environment. Values are as Unleash tells them, `id` included."""

    everyone: JsonObject | None = None
    groups: Mapping[str, JsonObject] = field(default_factory=dict)
    surplus: tuple[JsonObject, ...] = ()
    """Ours a second time: an answer was lost, and the request was repeated."""
    ramp: Ramp = OFF
    """What the title of the strategy for everyone says."""
    wrong: tuple[str, ...] = ()
    """What somebody else made, changed or removed, a few words each."""


def owner_of(service: str, environment: str) -> str:
    """How the titles of our strategies begin. Another service that ramps the same flag is somebody else."""
    return f"Pilotage ({service}/{environment})"


def wanted(owner: str, ramp: Ramp, key: str, stickiness: str, segments: Mapping[str, Segment]) -> dict[str, JsonObject]:
    """The strategies of a ramp by group, as they are sent. segments: of the ramp's groups."""
    named = f", and {','.join(ramp.groups)}" if ramp.groups else ""
    words = f"{owner}: {ramp.share // 10} % of everyone{named}"
    made = {EVERYONE: _strategy(words, (), ramp.share // 10, key, stickiness)}
    for name in ramp.groups:
        made[name] = _strategy(f"{owner}: group {name}", _constraints(segments[name]), 100, key, stickiness)
    return made


def found(strategies: Sequence[Json], owner: str) -> Found:
    """What strategies of an environment are. Raises WrongJson."""
    everyone, groups, surplus, wrong = None, dict[str, JsonObject](), list[JsonObject](), list[str]()
    ramp = OFF
    for one in map(object_at, strategies):
        title = str(one.get("title") or "")
        signed = _SIGNED.fullmatch(title)
        parsed = _TITLE.fullmatch(signed["words"]) if signed else None
        if signed is None or parsed is None or signed["owner"] != owner:
            if one.get("disabled") is not True:  # reaches nobody
                wrong.append(f"has a strategy of somebody else ({title or text_at(one, 'name')!r:.80})")
        elif signed["digest"] != _digest(one, f"{owner}: {signed['words']}"):
            wrong.append(f"has another rule than its title says ({title!r:.80})")
        elif (group := parsed["group"]) is not None:
            surplus += [groups[group]] if group in groups else []
            groups[group] = one
        else:
            surplus += [everyone] if everyone is not None else []
            everyone, named = one, parsed["groups"]
            ramp = Ramp(tuple(named.split(",")) if named else (), 10 * int(parsed["share"]))
    wrong += [f"has no strategy any more for group {name}" for name in ramp.groups if name not in groups]
    if groups and everyone is None:
        wrong.append("has no strategy any more for everyone")
    return Found(everyone=everyone, groups=groups, surplus=tuple(surplus), ramp=ramp, wrong=tuple(wrong))


def same(one: JsonObject | None, other: JsonObject) -> bool:
    """Whether a strategy, as Unleash tells it, is one that would be sent."""
    return one is not None and one.get("title") == other["title"] and _digest(one, "") == _digest(other, "")


def _strategy(words: str, constraints: Sequence[JsonObject], percent: int, key: str, stickiness: str) -> JsonObject:
    # Everyone is also whoever has no value for the field.
    by = "default" if percent == 100 else stickiness
    made: JsonObject = {
        "name": "flexibleRollout",
        # Texts, and the same groupId for the whole ramp: users stay in the same order.
        "parameters": {"rollout": str(percent), "stickiness": by, "groupId": key},
        "constraints": constraints,
        "segments": [],
        "variants": [],
        "disabled": False,
    }
    return {**made, "title": f"{words} #{_digest(made, words)}"}


def _constraints(segment: Segment) -> list[JsonObject]:
    return [one for condition in segment.conditions for one in _constraint(condition)]


def _constraint(condition: Condition) -> list[JsonObject]:
    """An attribute that is missing satisfies an inverted constraint, and so needs one beside it that is not."""
    name, value = condition.attribute, condition.values[0]
    if condition.operator is Operator.VERSION_AT_LEAST:
        below: JsonObject = {"contextName": name, "operator": "SEMVER_LT", "value": value, "inverted": True}
        return [{"contextName": name, "operator": "SEMVER_GT", "value": _LOWEST_VERSION}, below]
    comparison = _COMPARISONS[condition.operator]
    if comparison.startswith(("NUM", "SEMVER")):
        return [{"contextName": name, "operator": comparison, "value": value}]
    return [{"contextName": name, "operator": comparison, "values": list(condition.values)}]


def _digest(strategy: JsonObject, words: str) -> str:
    """Of what decides whom a strategy reaches; what Unleash leaves out or adds as a default makes no difference."""
    constraints = [
        {
            "name": find(one, "contextName"),
            "operator": find(one, "operator"),
            "values": find(one, "values") or [],
            "value": find(one, "value") or "",
            "inverted": bool(find(one, "inverted")),
            "caseless": bool(find(one, "caseInsensitive")),
        }
        for one in list_at(strategy, "constraints")
    ]
    whole = {
        "words": words,
        "name": strategy.get("name"),
        "parameters": strategy.get("parameters"),
        "constraints": constraints,
        "segments": strategy.get("segments") or [],
        "variants": strategy.get("variants") or [],
        "disabled": bool(strategy.get("disabled")),
    }
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:12]
