"""Why a value of a plan is what it is: `steps[0].duration`, `canary.weights`, `timeline.phases[1].start`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pilotage.model.answers import Answers
from pilotage.model.errors import Invalid
from pilotage.model.json import Json, find, list_at, object_at, text_at, whole_at
from pilotage.model.plan import Plan, Setting, Step
from pilotage.model.plan_formats import renamed_field
from pilotage.model.renamed import SETTINGS
from pilotage.model.schedule import open_days
from pilotage.plan.dates import MOVED
from pilotage.plan.rows import ROWS
from pilotage.plan.values import DEFAULT, origin, show_value

_PART = re.compile(r"\.?([A-Za-z_]\w*)|\[([^\]]+)\]")


class NoSuchPath(Invalid):
    """The plan has no value at this path. The message says where the path ends, and what is there."""


@dataclass(frozen=True)
class Reason:
    """The value at a path, and the sentences that explain it, the nearest cause first."""

    path: str
    value: Json
    because: tuple[str, ...]


def why(plan: Plan, path: str) -> Reason:
    """The reason of one value. Parts are names, or [number] or [id] in a list. Raises NoSuchPath."""
    for setting in plan.settings:
        if setting.path == path:
            return Reason(path, show_value(setting.unit, setting.value), _of_setting(setting))
    if path in SETTINGS:
        raise NoSuchPath(f"{path} is now called {SETTINGS[path]}")
    if only := {str(row.only) for row in ROWS if row.path == path}:
        raise NoSuchPath(
            f"{path} is a setting of {' and '.join(sorted(only))} plans; this plan's strategy is "
            f"{plan.answers.deployment_strategy}"
        )
    value, trail = _walk(plan.to_dict_of_today(), path)
    sentences = (
        _of_step(plan, trail)
        or _of_what_serves(plan, path)
        or _of_answer(path)
        or _of_date(plan, trail)
        or _of_source(trail)
    )
    if not sentences:
        sentences = ("follows from the six answers: " + _answers(plan),)
    return Reason(path, value, sentences)


def _walk(data: Json, path: str) -> tuple[Json, list[tuple[str, Json]]]:
    """The value, and every object passed on the way with the name that led to it."""
    trail: list[tuple[str, Json]] = [("", data)]
    position = 0
    while position < len(path):
        match = _PART.match(path, position)
        if match is None:
            raise NoSuchPath(f"{path!r}: unreadable from {path[position:]!r} on; a path looks like steps[0].duration")
        name = match[1] or match[2]
        data = _into(data, name, path[:position] or "the plan")
        trail.append((name, data))
        position = match.end()
    return data, trail


def _into(data: Json, name: str, where: str) -> Json:
    if isinstance(data, Mapping) and name in data:
        return data[name]
    if isinstance(data, list):
        items = list_at(data)
        if name.isdigit() and int(name) < len(items):
            return items[int(name)]
        named = [item for item in items if isinstance(item, Mapping) and name in (item.get("id"), item.get("name"))]
        if named:
            return named[0]
        ids = [str(item.get("id") or item.get("name")) for item in data if isinstance(item, dict)]
        there = f"0 … {len(data) - 1}{', or ' + ', '.join(ids) if ids else ''}" if data else "nothing"
        raise NoSuchPath(f"{where} has no [{name}]; it has {there}")
    if isinstance(data, Mapping) and (now := renamed_field(name)) in data:
        raise NoSuchPath(f"{where} has no {name!r}: it is now called {now}")
    there = ", ".join(data) if isinstance(data, dict) else "no parts"
    raise NoSuchPath(f"{where} has no {name!r}; it has {there}")


def _of_setting(setting: Setting) -> tuple[str, ...]:
    if setting.source.partition(":")[0] in Answers.__dataclass_fields__:
        answers = origin(setting.source).replace(": ", " is ")
        return (f"because {answers}", setting.why)
    if ":" in setting.source:
        return (f"overridden in {setting.source}", setting.why)
    source = origin(setting.source)
    return ("the default for all answers" if source == DEFAULT else source, setting.why)


def _of_step(plan: Plan, trail: list[tuple[str, Json]]) -> tuple[str, ...]:
    if len(trail) < 3 or trail[1][0] != "steps":
        return ()
    step: Step = next(step for step in plan.steps if step.id == find(trail[2][1], "id"))
    field = trail[3][0] if len(trail) > 3 else ""
    settings = [d.setting for d in step.derived if not field or d.field == field]
    if field in ("title", "undo", "id", "kind", "needs", "judged", "activities"):
        settings = []
    told = tuple(f"{name}: {sentence}" for name in settings for sentence in _of_setting(plan.setting(name)))
    first = " and no version serves yet" if plan.first else ""
    strategy = plan.answers.deployment_strategy
    return (*told, f"the plan has this step because deployment_strategy is {strategy}{first}")


def _of_what_serves(plan: Plan, path: str) -> tuple[str, ...]:
    if path != "first":
        return ()
    serves = "no version serves" if plan.first else "a version serves"
    return (f"{serves} {plan.environment}",)


def _of_answer(path: str) -> tuple[str, ...]:
    return ("one of the six answers, under `answers` in pilotage.yaml",) if path.startswith("answers") else ()


def _of_date(plan: Plan, trail: list[tuple[str, Json]]) -> tuple[str, ...]:
    """A day of the timeline: counted from the release date, which is given or moved."""
    name = trail[-1][0]
    if name == "release_date":
        moved = tuple(note for note in plan.notes if MOVED in note)
        return moved or ("given with --date",) if plan.release_date else ("no date given",)
    for _, passed in reversed(trail):
        if isinstance(passed, dict) and {"shortest", "longest", "start"} <= set(passed):
            counted = open_days(whole_at(passed, "shortest"), whole_at(passed, "longest"))
            return (f"{passed['title']} takes {counted}, counted backwards from the release date",)
    return ()


def _of_source(trail: list[tuple[str, Json]]) -> tuple[str, ...]:
    for _, passed in reversed(trail):
        if isinstance(passed, dict) and passed.get("source"):
            said = [from_] if (from_ := origin(str(passed["source"]))) != DEFAULT else []
            said += [str(passed[name]) for name in ("note", "explanation", "why") if passed.get(name)]
            said += [f"limit {passed['limit_from']}"] if passed.get("limit_from") else []
            said += [text_at(passed, "catch_up", "waiver")] if passed.get("catch_up") else []
            return tuple(said)
    return ()


def _answers(plan: Plan) -> str:
    answers = object_at(plan.to_dict(), "answers")
    shown = (
        f"{name} {', '.join(map(str, value)) if isinstance(value, list) else value}" for name, value in answers.items()
    )
    return ", ".join(shown)
