"""A flag of Split (Harness FME) as its Admin API shows it, read as a ramp; and a ramp as a JSON patch.

Ours are: whether it is killed, the default rule, and the rules with our mark. Rules have no name there, so the mark
is a condition that always holds: the user's key is not `Pilotage: NAME`. Individual keys, segments, other rules and the
seed stay as they are; only Split's own “reallocate” changes the seed. Sizes are whole percents, and whoever comes first
in the default rule has the lowest buckets: with "on" first, a larger size only adds users.
(https://docs.split.io/reference/partial-update-feature-flag-definition-in-environment)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pilotage.adapters.flags.split_matchers import matchers_of
from pilotage.adapters.ports import AdapterError
from pilotage.model.flag import OFF, Ramp
from pilotage.model.json import (
    Json,
    JsonObject,
    WrongJson,
    each,
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
PERCENT = WHOLE // 100


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the configuration says of a flag. on, off: treatments · segment_of: the rule of a group."""

    key: str
    workspace: str
    environment: str
    on: str
    off: str
    segment_of: Callable[[str], Segment]

    @property
    def where(self) -> str:
        """For sentences."""
        return f"flag {self.key} in environment {self.environment} of Split"


@dataclass(frozen=True, kw_only=True)
class FlagState:
    """A flag in one environment. whole: the API's answer."""

    terms: Terms
    whole: JsonObject

    @property
    def killed(self) -> bool:
        return truth_at(self.whole, "killed")

    @property
    def rules(self) -> list[JsonObject]:
        return each(object_at, self.whole, "rules")

    @property
    def default(self) -> list[tuple[str, int]]:
        """Treatments and sizes in percent, in order."""
        return [(text_at(one, "treatment"), whole_at(one, "size")) for one in list_at(self.whole, "defaultRule")]

    def our_rules(self) -> list[tuple[str, JsonObject]]:
        """With the name of the group of each, in their order."""
        named = [(_name_of(rule), rule) for rule in self.rules]
        return [(name, rule) for name, rule in named if name]

    def others(self) -> tuple[int, int]:
        """How many rules are not ours, and how many keys and segments have the feature whatever the rules say."""
        whole = 0
        for one in each(object_at, self.whole, "treatments"):
            if one.get("name") != self.terms.off:
                whole += sum(len(optional(list_at, one, name) or ()) for name in ("keys", "segments"))
        return len(self.rules) - len(self.our_rules()), whole


def read_flag(document: Json, terms: Terms) -> FlagState:
    """The API's answer. Raises AdapterError for a flag that no release can use."""
    try:
        state = FlagState(terms=terms, whole=object_at(document))
        _ = state.killed, state.default, state.others()
        names = [text_at(one, "name") for one in list_at(document, "treatments")]
        default = text_at(document, "defaultTreatment")
        allocation = optional(whole_at, document, "trafficAllocation")
    except WrongJson as error:
        raise AdapterError(f"{terms.where}: the answer cannot be understood: {error}") from None
    for name in (terms.on, terms.off):
        if name not in names:
            raise AdapterError(f"{terms.where} has no treatment {name}. Set on_treatment, off_treatment")
    if default != terms.off:
        raise AdapterError(
            f"{terms.where} gives {default} to everyone when it is killed, so the kill switch would not turn the "
            f"feature off. Set its default treatment to {terms.off}"
        )
    if allocation not in (None, 100):
        raise AdapterError(
            f"{terms.where} exposes only {allocation} % of users, so every share would be smaller than it says. Set "
            "its traffic allocation to 100 %"
        )
    return state


def ramp_of(state: FlagState) -> Ramp:
    """Whom the flag reaches. Raises AdapterError for a rule that Pilotage did not write."""
    if state.killed:
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
            f"{state.terms.where} is not killed, and rules, keys or segments of others decide who has it. Kill it there"
        )
    return ramp


def patch(state: FlagState, ramp: Ramp) -> list[JsonObject]:
    """What turns the flag on for exactly these users, besides those whom others name; refused as a whole if someone
    changed the flag since it was read."""
    theirs: list[Json] = [rule for rule in state.rules if not _name_of(rule)]
    rules: Json = [*theirs, *(_rule(state.terms, name) for name in ramp.groups)]
    there = state.our_rules()
    right = all(_is_right(state.terms, name, rule) for name, rule in there)
    operations: list[JsonObject] = [
        {"op": "test", "path": f"/{name}", "value": state.whole[name]} for name in ("killed", "rules", "defaultRule")
    ]
    if not right or [name for name, _ in there] != list(ramp.groups):
        operations.append({"op": "replace", "path": "/rules", "value": rules})
    operations.append({"op": "replace", "path": "/defaultRule", "value": default_rule(state.terms, ramp.share)})
    if state.killed:
        operations.append({"op": "replace", "path": "/killed", "value": False})
    return operations


def patched(state: FlagState, operations: list[JsonObject]) -> JsonObject:
    """The definition as these operations leave it: a change request has the whole of it."""
    return {**state.whole, **{str(one["path"])[1:]: one["value"] for one in operations if one["op"] == "replace"}}


def default_rule(terms: Terms, share: int) -> list[Json]:
    """share: per mille. Raises AdapterError for what is no whole percent."""
    size, rest = divmod(share, PERCENT)
    if rest:
        raise AdapterError(f"Split knows whole percents only, and {share / 10:g} % is none")
    sizes = ((terms.on, size), (terms.off, 100 - size))
    return [{"treatment": name, "size": size} for name, size in sizes if size]


def alone(state: FlagState, share: int, *, killed: bool) -> FlagState:
    """The flag as it would be with this share and nothing of others: for a rehearsal."""
    default = default_rule(state.terms, share)
    return FlagState(
        terms=state.terms, whole={**state.whole, "killed": killed, "rules": [], "defaultRule": default}
    )  # fmt: skip


def _rule(terms: Terms, name: str) -> JsonObject:
    mark: JsonObject = {"negate": True, "type": "IN_LIST_STRING", "strings": [f"{MARK}{name}"]}
    matchers = [*matchers_of(terms.segment_of(name)), mark]
    return {
        "buckets": [{"treatment": terms.on, "size": 100}],
        "condition": {"combiner": "AND", "matchers": matchers},
    }


def _name_of(rule: JsonObject) -> str:
    """The group of a rule of ours; empty for any other rule."""
    for one in optional(list_at, rule, "condition", "matchers") or ():
        matcher = _plain(object_at(one))
        strings = matcher.get("strings")
        if matcher.get("negate") and not matcher.get("attribute") and isinstance(strings, list) and len(strings) == 1:
            text = str(strings[0])
            if text.startswith(MARK):
                return text.removeprefix(MARK)
    return ""


def _groups(state: FlagState) -> Iterator[str]:
    seen = set[str]()
    for name, rule in state.our_rules():
        if name in seen or not _is_right(state.terms, name, rule):
            raise WrongJson(f"the rule with the mark “{MARK}{name}” is not as Pilotage writes it")
        seen.add(name)
        yield name


def _is_right(terms: Terms, name: str, rule: JsonObject) -> bool:
    wanted = _rule(terms, name)
    matchers = [_plain(one) for one in each(object_at, rule, "condition", "matchers")]
    return matchers == [_plain(one) for one in each(object_at, wanted, "condition", "matchers")] and [
        (one.get("treatment"), one.get("size")) for one in each(object_at, rule, "buckets")
    ] == [(terms.on, 100)]


def _plain(matcher: JsonObject) -> JsonObject:
    """Without what the API leaves open."""
    return {"negate": False, **{name: value for name, value in matcher.items() if value is not None}}


def _share(state: FlagState) -> int:
    """In per mille. Raises WrongJson."""
    sizes, terms = [one for one in state.default if one[1]], state.terms
    match sizes:
        case [(one, 100)] if one in (terms.on, terms.off):
            return WHOLE if one == terms.on else 0
        case [(first, size), (second, rest)] if (first, second) == (terms.on, terms.off) and size + rest == 100:
            return size * PERCENT
    shown = ", ".join(f"{name} {size} %" for name, size in sizes)
    raise WrongJson(f"its default rule is {shown or 'empty'}, not {terms.on} and then {terms.off}")
