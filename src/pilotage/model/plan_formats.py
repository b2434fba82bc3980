"""Plans of every format that was ever stored. A plan is signed, so it is never rewritten: it is read as it was.

A plan keeps the text that it was read from. Its hash is the hash of that text, so that a plan of an older format, or
one with a key that this version does not know, is still the plan that was approved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import copy
from dataclasses import fields, replace
from functools import lru_cache

from pilotage.model.answers import SHORT_NAMES, Answers, DeploymentStrategy
from pilotage.model.converting import convert
from pilotage.model.errors import Invalid
from pilotage.model.json import Json, JsonObject, each, find, number_at, object_at, optional, text_at, whole_at
from pilotage.model.plan import FORMAT, Plan, Setting, Unit
from pilotage.model.quantity import percent_of
from pilotage.model.renamed import SETTINGS
from pilotage.model.traffic import percent

OLDEST = 2
"""Plans of format 1 had no readiness, no timeline and one strategy; no release of Pilotage wrote them."""

_SETTINGS_RENAMED = 5
"""Plans of older formats call settings as in the keys of `renamed.SETTINGS`."""

_FIELDS_RENAMED = 6
"""Plans of older formats have the fields of `_STEP` and `_ROLLBACK`, and weights per mille."""

_ANSWERS_RENAMED = 7
"""Plans of older formats have answers under their short names."""

_IN_PERCENT = 8
"""Plans of older formats have shares between 0 and 1."""

_ACTIVITIES_OWNED = 9
"""Plans of older formats have activities as names."""

_UNITS = {
    "share": Unit.PERCENT.value, "percent": Unit.WEIGHTS.value, "yes or no": Unit.SWITCH.value,
    "instances or share": Unit.PORTION.value,
}  # fmt: skip

_STEP = {"weight": "weight_percent", "mirror": "mirror_percent", "deadline": "timeout"}
_ROLLBACK = {"moves": "steps", "deadline": "timeout", "then": "next_steps"}
_ON_CALL, _REQUIREMENT, _MESSAGE = {"because": "reason"}, {"wants": "requirement"}, {"at": "due_at"}
_STAGE, _TARGET = {"least": "shortest", "most": "longest"}, {"wanted": "goal"}


class UnreadablePlan(Invalid):
    """This version cannot read a stored plan. The message says why."""


class NewerPlan(UnreadablePlan):
    """The stored plan has a format that only a newer version of Pilotage knows."""


def renamed_field(name: str) -> str:
    """What a field of a plan's JSON is called today; empty where none had this name before."""
    parts = (_STEP, _ROLLBACK, _ON_CALL, _REQUIREMENT, _MESSAGE, _STAGE, _TARGET, SHORT_NAMES)
    return next((part[name] for part in parts if name in part), "")


@lru_cache(maxsize=16)
def read_plan(text: str) -> Plan:
    """The plan that `text` holds, of any format from 2 on, keys that this version does not know left aside.

    Settings that came later have the value that plans without them were executed with. Raises UnreadablePlan.
    """
    # Kept, because whoever follows a rollout reads its plan again and again: most of the time that reading takes.
    try:
        data = object_at(json.loads(text))
        number = find(data, "format")
        if not isinstance(number, int) or number < OLDEST:
            raise UnreadablePlan(f"the plan has format {number!r}; this version reads formats {OLDEST} to {FORMAT}")
        if number > FORMAT:
            raise NewerPlan(
                f"the plan has format {number}; this version of Pilotage reads up to format {FORMAT}: upgrade Pilotage"
            )
        if number < _SETTINGS_RENAMED:
            data = _with_settings_of_today(data)
        if number < _FIELDS_RENAMED:
            data = _with_fields_of_today(data)
        if number < _ANSWERS_RENAMED:
            data = {**data, "answers": _renamed(object_at(data, "answers"), SHORT_NAMES)}
        if number < _IN_PERCENT:
            data = _with_percentages(data)
        if number < _ACTIVITIES_OWNED:
            data = _with_activities(data)
        # `risk` came with format 4, `mirror` and `beside` of a step with 3. What came with format 9 has a default.
        plan = convert({"risk": None, **data}, Plan)
        answers = {name: getattr(plan.answers, name) for name in Answers.__dataclass_fields__}
        # What is made of it by `replace`, such as the plan of a return, is of today's format.
        plan = replace(plan, format=FORMAT, answers=Answers(**answers), settings=_completed(plan))
    except UnreadablePlan:
        raise
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise UnreadablePlan(f"the plan is unreadable: {error}") from None
    return _with_shared_parts(plan).kept_as(text)


def read_document(text: str) -> Plan:
    """The plan of an exported file: of the current format only what Pilotage writes, older formats as stored plans.
    Raises ValueError."""
    data: Json = json.loads(text)
    number = find(data, "format")
    older = isinstance(number, int) and number < FORMAT
    return read_plan(text) if older else Plan.from_dict(object_at(data))


def _with_settings_of_today(data: JsonObject) -> JsonObject:
    """An older plan with the names that its settings have now."""
    steps = [
        {**step, "derived": _with_names(step, "derived", "setting")} if "derived" in step else step
        for step in each(object_at, data, "steps")
    ]
    places = (("settings", "path"), ("health", "limit"), ("alerts", "limit_from"))
    return {**data, "steps": steps, **{part: _with_names(data, part, key) for part, key in places}}


def _with_names(data: JsonObject, part: str, key: str) -> list[JsonObject]:
    """The objects of a part, each with today's name of the setting that is under `key`."""
    named = ((one, text_at(one, key)) for one in each(object_at, data, part))
    return [{**one, key: SETTINGS.get(name, name)} for one, name in named]


def _with_fields_of_today(data: JsonObject) -> JsonObject:
    def each_of(part: JsonObject, name: str, names: Mapping[str, str]) -> list[JsonObject]:
        return [_renamed(one, names) for one in each(object_at, part, name)]

    steps = [_step_of_today(step) for step in each_of(data, "steps", _STEP)]
    settings = [_in_percent(one) for one in each(object_at, data, "settings")]
    on_call, data = each_of(data, "waves", _ON_CALL), {name: value for name, value in data.items() if name != "waves"}
    readiness = each_of(data, "readiness", _REQUIREMENT)
    communication = each_of(data, "communication", _MESSAGE)
    timeline, retrospective = object_at(data, "timeline"), object_at(data, "retrospective")
    stages = each_of(timeline, "stages", _STAGE)
    targets = each_of(retrospective, "targets", _TARGET)
    parts: JsonObject = {
        "settings": settings, "steps": steps, "readiness": readiness, "communication": communication,
        "rollback": _renamed(object_at(data, "rollback"), _ROLLBACK), "on_call": on_call,
        "timeline": {**timeline, "stages": stages},
        "retrospective": {**retrospective, "targets": targets},
    }  # fmt: skip
    return {**data, **parts}


def _step_of_today(step: JsonObject) -> JsonObject:
    derived = each(object_at, step, "derived") if "derived" in step else []
    fields_of = ((one, text_at(one, "field")) for one in derived)
    return {
        **step,
        "weight_percent": percent(whole_at(step, "weight_percent")),
        "mirror_percent": percent(optional(whole_at, step, "mirror_percent") or 0),
        "derived": [{**one, "field": _STEP.get(field, field)} for one, field in fields_of],
    }


def _in_percent(setting: JsonObject) -> JsonObject:
    if text_at(setting, "unit") != "per mille":
        return setting
    return {**setting, "unit": "percent", "value": [percent(one) for one in each(whole_at, setting, "value")]}


def _with_percentages(data: JsonObject) -> JsonObject:
    """A plan of an older format with percentages for shares, and the names that units have now."""
    before = each(object_at, data, "settings")
    shares = {text_at(one, "path") for one in before if find(one, "unit") == "share"}
    settings = [
        {**one, "unit": _unit(one), **({"value": percent_of(number_at(one, "value"))} if one["path"] in shares else {})}
        for one in before
    ]
    alerts = [
        {**one, "limit": percent_of(number_at(one, "limit"))} if find(one, "limit_from") in shares else one
        for one in each(object_at, data, "alerts")
    ]
    health = [{**one, "unit": _unit(one)} for one in each(object_at, data, "health")]
    risk = optional(object_at, data, "risk") if "risk" in data else None
    return {**data, "settings": settings, "alerts": alerts, "health": health, "risk": risk and _risk_in_percent(risk)}


def _with_activities(data: JsonObject) -> JsonObject:
    timeline = object_at(data, "timeline")
    phases = [
        {**phase, "activities": [{"id": name} for name in each(text_at, phase, "activities")]}
        for phase in each(object_at, timeline, "phases")
    ]
    return {**data, "timeline": {**timeline, "phases": phases}}


def _unit(part: JsonObject) -> str:
    unit = text_at(part, "unit")
    return _UNITS.get(unit, unit)


def _risk_in_percent(risk: JsonObject) -> JsonObject:
    probability = percent_of(number_at(risk, "score"))
    return {**_renamed(risk, {"score": "probability_percent"}), "probability_percent": probability}


def _renamed(part: JsonObject, names: Mapping[str, str]) -> JsonObject:
    return {names.get(name, name): value for name, value in part.items()}


def _with_shared_parts(plan: Plan) -> Plan:
    """The same plan; what it has in common with others is there once, however many plans a controller holds."""
    found = copy(plan)
    for part in fields(plan):
        value = getattr(plan, part.name)
        if isinstance(value, tuple) and part.name != "waves":  # thousands of names, of this plan alone
            object.__setattr__(found, part.name, tuple(map(_shared, value)))
    return found


def _shared(item: object) -> object:
    try:
        return _once(item, repr(item))
    except TypeError:
        return item  # it holds a list or a mapping


@lru_cache(maxsize=4096)
def _once(item: object, _shown: str) -> object:
    """shown: distinguishes values that compare as equal, such as 1 and true."""
    return item


def _completed(plan: Plan) -> tuple[Setting, ...]:
    """The plan's settings, and those that came after it, as it was executed without them."""
    there = {setting.path: setting for setting in plan.settings}
    added = []
    for path, (value, unit, strategy) in _LATER.items():
        if path in there or strategy not in (None, plan.answers.deployment_strategy):
            continue
        why = "older plans do not have this setting; they were executed with this value"
        added.append(Setting(path, value, unit, "an older plan", why))
    return (*plan.settings, *added)


_S = DeploymentStrategy
_DAY, _HOUR, _MINUTE = 86400, 3600, 60

_LATER: Mapping[str, tuple[bool | int | float | str | tuple[int | str, ...], Unit, DeploymentStrategy | None]] = {
    "alerts.min_requests": (100, Unit.COUNT, None),
    "approval.allow_author": (False, Unit.SWITCH, None),
    "approval.count": (1, Unit.COUNT, None),
    "approval.escalate_after": (12 * _HOUR, Unit.SECONDS, None),
    "approval.remind_after": (4 * _HOUR, Unit.SECONDS, None),
    "approval.required": (False, Unit.SWITCH, None),
    "approval.role": ("", Unit.NAME, None),
    "approval.timeout": (_DAY, Unit.SECONDS, None),
    "big_bang.drain_duration": (10, Unit.SECONDS, _S.BIG_BANG),
    "blue_green.preview_header": ("", Unit.NAME, _S.BLUE_GREEN),
    "checks.required": (False, Unit.SWITCH, None),
    "canary.check_timeout": (10 * _MINUTE, Unit.SECONDS, _S.CANARY),
    "feature_toggle.check_timeout": (10 * _MINUTE, Unit.SECONDS, _S.FEATURE_TOGGLE),
    "canary.baseline": (False, Unit.SWITCH, _S.CANARY),
    "canary.cohort": ("", Unit.COHORT, _S.CANARY),
    "canary.holdback": (0, Unit.PERCENT, _S.CANARY),
    "canary.mirror_duration": (10 * _MINUTE, Unit.SECONDS, _S.CANARY),
    "canary.mirror_weight": (0, Unit.PERCENT, _S.CANARY),
    "canary.ramp": (False, Unit.SWITCH, _S.CANARY),
    "canary.detection_time": (0, Unit.SECONDS, _S.CANARY),
    "analysis.min_requests": (100, Unit.COUNT, None),
    "analysis.retry_once": (True, Unit.SWITCH, None),
    "analysis.warmup_duration": (2 * _MINUTE, Unit.SECONDS, None),
    "rollback.enabled": (True, Unit.SWITCH, None),
    "rollback.keep_warm": (False, Unit.SWITCH, None),
    "rollback.window": (_DAY, Unit.SECONDS, None),
    "analysis.min_response_time_difference": (0.01, Unit.SECONDS, None),
    "analysis.min_response_time_share": (10, Unit.PERCENT, None),
    "complaints.max_ratio": (2, Unit.FACTOR, None),
    "complaints.min_reports": (3, Unit.COUNT, None),
    "complaints.usual_per_day": (0, Unit.COUNT, None),
    "complaints.withdraw": (False, Unit.SWITCH, None),
    "success_criteria.min_answers": (20, Unit.COUNT, None),
    "feature_toggle.segments": (("internal", "beta"), Unit.SEGMENTS, _S.FEATURE_TOGGLE),
    "feature_toggle.drain_duration": (10, Unit.SECONDS, _S.FEATURE_TOGGLE),
    "emergency.phase_duration": (_MINUTE, Unit.SECONDS, None),
}
"""Settings that came after format 2: value, unit, and the one strategy whose plans have it."""
