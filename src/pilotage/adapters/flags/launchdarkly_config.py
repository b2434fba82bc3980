"""A flag of LaunchDarkly as its REST API shows it, read as a ramp; and a ramp as instructions of a semantic patch.

Ours are: whether targeting is on, the percentage rollout of the default rule, and the rules whose description starts
with `Pilotage: `. Individual targets, other rules, prerequisites and everything else stay as they are; the salt is
LaunchDarkly's and never changes. Weights are thousandths of a percent.
(https://launchdarkly.com/docs/api/feature-flags/patch-feature-flag)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from pilotage.adapters.flags.launchdarkly_clauses import clauses_of
from pilotage.adapters.ports import AdapterError
from pilotage.model.flag import OFF, Ramp
from pilotage.model.json import (
    Json,
    JsonObject,
    WrongJson,
    each,
    find,
    list_at,
    object_at,
    optional,
    text_at,
    truth_at,
    whole_at,
)
from pilotage.model.segment import Segment
from pilotage.model.traffic import WHOLE

MARK = "Pilotage: "
"""How the description of a rule of ours begins; the name of the group follows."""
_WEIGHTS = 100_000
_OF_A_SHARE = _WEIGHTS // WHOLE

Scalar = bool | int | float | str


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the configuration says of a flag. on, off: values of its variations · bucket_by, context_kind: what users
    are divided by · segment_of: the rule of a group."""

    key: str
    project: str
    environment: str
    on: Scalar
    off: Scalar
    bucket_by: str
    context_kind: str
    segment_of: Callable[[str], Segment]

    @property
    def where(self) -> str:
        """For sentences."""
        return f"flag {self.key} in {self.project}/{self.environment} at LaunchDarkly"


@dataclass(frozen=True, kw_only=True)
class FlagState:
    """A flag in one environment. config: what the API shows of it there · variations, values: ids and values of its
    variations, in their order."""

    terms: Terms
    config: JsonObject
    variations: tuple[str, ...]
    values: tuple[Json, ...]
    temporary: bool

    @property
    def on(self) -> int:
        """Index of the variation that has the feature."""
        return self._index(self.terms.on)

    @property
    def off(self) -> int:
        return self._index(self.terms.off)

    def _index(self, wanted: Scalar) -> int:
        # 1 is true to Python, and another variation to LaunchDarkly.
        for index, value in enumerate(self.values):
            if value == wanted and isinstance(value, bool) == isinstance(wanted, bool):
                return index
        raise AdapterError(f"{self.terms.where} has no variation {json.dumps(wanted)}. Set on_variation, off_variation")

    @property
    def salt(self) -> str:
        return text_at(self.config, "salt")

    @property
    def version(self) -> int:
        """Of its configuration in this environment; every change adds one."""
        return whole_at(self.config, "version")

    @property
    def is_on(self) -> bool:
        return truth_at(self.config, "on")

    @property
    def site(self) -> str:
        """Path of its page."""
        return optional(text_at, self.config, "_site", "href") or ""

    def rules(self) -> list[JsonObject]:
        """In their order."""
        return each(object_at, self.config, "rules") if self.config.get("rules") else []

    def our_rules(self) -> list[tuple[str, JsonObject]]:
        """With the name of the group of each, in their order."""
        marked = [(optional(text_at, rule, "description") or "", rule) for rule in self.rules()]
        return [(words.removeprefix(MARK), rule) for words, rule in marked if words.startswith(MARK)]

    def others(self) -> tuple[int, int]:
        """How many rules and how many individual targets are not ours."""
        targets = [one for name in ("targets", "contextTargets") for one in optional(list_at, self.config, name) or ()]
        return len(self.rules()) - len(self.our_rules()), sum(len(list_at(one, "values")) for one in targets)


def read_flag(document: Json, terms: Terms) -> FlagState:
    """The API's answer. Raises AdapterError for a flag that no release can use."""
    try:
        config = find(document, "environments", terms.environment)
        if not isinstance(config, Mapping):
            raise AdapterError(f"LaunchDarkly's project {terms.project} has no environment {terms.environment}")
        state = FlagState(
            terms=terms,
            config=config,
            variations=tuple(text_at(one, "_id") for one in list_at(document, "variations")),
            values=tuple(find(one, "value") for one in list_at(document, "variations")),
            temporary=truth_at(document, "temporary"),
        )
        _ = state.version, state.is_on, state.salt, object_at(config, "fallthrough"), state.others()
        archived = truth_at(document, "archived") or truth_at(config, "archived")
    except WrongJson as error:
        raise AdapterError(f"{terms.where}: the answer cannot be understood: {error}") from None
    if archived:
        raise AdapterError(f"{terms.where} is archived. Restore it, or use a new flag")
    if config.get("offVariation") != state.off:
        raise AdapterError(
            f"{terms.where} does not serve {json.dumps(terms.off)} while its targeting is off, so turning it off would "
            f"not turn the feature off. Set its off variation to {json.dumps(terms.off)}"
        )
    _ = state.on
    return state


def ramp_of(state: FlagState) -> Ramp:
    """Whom the flag reaches. Raises AdapterError for a rule that Pilotage did not write."""
    if not state.is_on:
        return OFF
    try:
        ramp = Ramp(tuple(_groups(state)), _share(state))
    except WrongJson as error:
        raise AdapterError(
            f"{state.terms.where} has a rule that Pilotage did not write; it is left alone: {error}. Restore it, or "
            "abort the rollout"
        ) from None
    if ramp == OFF and any(state.others()):
        raise AdapterError(
            f"{state.terms.where} has its targeting on, and rules or individual targets of others decide who has it. "
            "Turn its targeting off there"
        )
    return ramp


def instructions(state: FlagState, ramp: Ramp) -> list[JsonObject]:
    """What turns the flag on for exactly these users, besides those whom targets and rules of others name. All of it
    takes effect at once, or nothing does."""
    there = state.our_rules()
    kept = [name for name, rule in there if _is_right(state, name, rule)]
    # Wrong rules, and those that are there twice, go with the next change.
    if len(kept) < len(there) or kept != list(ramp.groups[: len(kept)]):
        kept = []
    removed = [] if kept else [{"kind": "removeRule", "ruleId": text_at(rule, "_id")} for _, rule in there]
    added = [_new_rule(state, name) for name in ramp.groups[len(kept) :]]
    return [*removed, *added, _default_rule(state, ramp), *([] if state.is_on else [{"kind": "turnFlagOn"}])]


TURN_OFF: list[JsonObject] = [{"kind": "turnFlagOff"}]


def previewed(state: FlagState, ramp: Ramp) -> FlagState:
    """The flag as it would be with this ramp and nothing of others: for a rehearsal without LaunchDarkly's own."""
    weights = [(state.on, ramp.share * _OF_A_SHARE), (state.off, _WEIGHTS - ramp.share * _OF_A_SHARE)]
    rollout = {"variations": [{"variation": variation, "weight": weight} for variation, weight in sorted(weights)]}
    alone: JsonObject = {
        **state.config, "on": ramp != OFF, "fallthrough": {"rollout": rollout},
        "rules": [], "targets": [], "contextTargets": [], "prerequisites": [],
    }  # fmt: skip
    return replace(state, config=alone)


def _default_rule(state: FlagState, ramp: Ramp) -> JsonObject:
    # The share of "on" and the rest of "off": every other variation of the flag gets nobody.
    weights: dict[str, Json] = dict.fromkeys(state.variations, 0)
    weights[state.variations[state.on]] = ramp.share * _OF_A_SHARE
    weights[state.variations[state.off]] = _WEIGHTS - ramp.share * _OF_A_SHARE
    return {
        "kind": "updateFallthroughVariationOrRollout",
        "rolloutWeights": weights,
        "rolloutContextKind": state.terms.context_kind,
        "rolloutBucketBy": state.terms.bucket_by,
    }


def _new_rule(state: FlagState, name: str) -> JsonObject:
    return {
        "kind": "addRule",
        "description": f"{MARK}{name}",
        "variationId": state.variations[state.on],
        "clauses": clauses_of(state.terms.segment_of(name), state.terms.context_kind),
    }


def _groups(state: FlagState) -> Iterator[str]:
    seen = set[str]()
    for name, rule in state.our_rules():
        if not _is_right(state, name, rule):
            raise WrongJson(f"the rule “{MARK}{name}” is not as Pilotage writes it")
        # A request that was given up may take effect after the one that repeats it: the same rule is there twice then.
        if name not in seen:
            yield name
        seen.add(name)


def _is_right(state: FlagState, name: str, rule: JsonObject) -> bool:
    clauses = [{key: value for key, value in one.items() if key != "_id"} for one in each(object_at, rule, "clauses")]
    serves = rule.get("variation") == state.on and not rule.get("rollout") and not rule.get("disabled")
    return serves and clauses == clauses_of(state.terms.segment_of(name), state.terms.context_kind)


def _share(state: FlagState) -> int:
    """In per mille. Raises WrongJson."""
    default = object_at(state.config, "fallthrough")
    if not default.get("rollout"):
        fixed = {state.off: 0, state.on: WHOLE}.get(whole_at(default, "variation"))
        if fixed is None:
            raise WrongJson("its default rule serves another variation")
        return fixed
    rollout, terms = object_at(default, "rollout"), state.terms
    if rollout.get("experimentAllocation") or rollout.get("seed") is not None:
        raise WrongJson("an experiment, or a guarded or progressive rollout of LaunchDarkly, has its default rule")
    if (rollout.get("bucketBy") or "key") != terms.bucket_by or (rollout.get("contextKind") or "user") != (
        terms.context_kind
    ):
        raise WrongJson(f"its default rule does not divide {terms.context_kind} contexts by {terms.bucket_by}")
    weights = dict.fromkeys(range(len(state.variations)), 0)
    for one in list_at(rollout, "variations"):
        weights[whole_at(one, "variation")] = whole_at(one, "weight")
    share, rest = divmod(weights[state.on], _OF_A_SHARE)
    if rest or weights[state.on] + weights[state.off] != _WEIGHTS:
        raise WrongJson("the weights of its default rule are not ours")
    return share
