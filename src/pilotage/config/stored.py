"""An environment's configuration as stored with a rollout, readable by every version of Pilotage.

`pilotage.yaml` is checked strictly when a rollout is created. Later, maybe in another version, nothing may prevent a
rollback: unknown keys are dropped with a warning, unreadable guards are left out and named, and the parts that return
users (fleet, router, flag) keep every value.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from pilotage.config.analysis import AnalysisSection
from pilotage.config.checks import ProbeSection
from pilotage.config.environment import EnvironmentSection
from pilotage.config.kinds import AdapterSection, KindOf, kinds_of, section_of
from pilotage.config.monitoring import MonitoringSection
from pilotage.model.capabilities import Port
from pilotage.model.errors import Invalid
from pilotage.model.json import Json, JsonObject, find
from pilotage.model.step_ids import CHECK_BACKUP, CHECK_DATA, CHECK_SCHEMA, FINAL_BACKUP, RESTORE, VERIFY

_log = logging.getLogger(__name__)
_M = TypeVar("_M", bound=BaseModel)

_WAY_BACK = ("fleet", "router", "routers", "metrics", "flag")
"""Parts without which users cannot be brought back, or what they met cannot be counted: read value by value."""

_MEMBERS = ("probes", "checks", "routes", "overrides")
"""Lists and mappings of which one member may be left out without the others."""

_BY_BACKUPS = (CHECK_BACKUP, FINAL_BACKUP, RESTORE)
"""Checks that `backup:` makes where no command does."""

_BY_DATABASE = (CHECK_SCHEMA, CHECK_DATA, VERIFY)
"""Checks that `database:` makes, beside what commands ask there."""

_ROUNDS = 8
"""Unknown keys inside of a part that was itself not looked into before show only at the next round."""


class UnreadableSection(Invalid):
    """The stored configuration of a rollout has no usable fleet or router."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What could be read of a section, and what could not."""

    section: EnvironmentSection
    trouble: tuple[str, ...] = ()
    """What was left out or used unchecked, one sentence each."""
    lost_checks: tuple[str, ...] = ()
    """Steps whose checks were left out; such a check fails, it never passes by default."""


def read_section(data: JsonObject) -> Stored:
    """The section that a rollout kept. Raises UnreadableSection."""
    try:
        return Stored(section=EnvironmentSection.model_validate(data))
    except ValidationError:
        pass
    known = _without_unknown(data)
    try:
        return Stored(section=EnvironmentSection.model_validate(known))
    except ValidationError:
        pass
    trouble: list[str] = []
    found: dict[str, object] = {}
    for name, field in EnvironmentSection.model_fields.items():
        if name in known and (value := _part(name, field, known[name], trouble)) is not None:
            found[name] = value
    if "fleet" not in found or not ("router" in found or found.get("routers")):
        raise UnreadableSection("; ".join(trouble) or "the configuration kept with the rollout has no fleet or router")
    for name, field in EnvironmentSection.model_fields.items():
        if name not in found and field.validate_default:
            found[name] = _part(name, field, field.default, [])
    section = EnvironmentSection.model_construct(None, **found)
    checks = known.get("checks")
    lost = tuple(name for name in checks if name not in section.checks) if isinstance(checks, dict) else ()
    if known.get("backup") and section.backup is None:
        lost += tuple(name for name in _BY_BACKUPS if name not in section.checks)
    if known.get("database") and section.database is None:
        lost += _BY_DATABASE
    return Stored(section=section, trouble=tuple(trouble), lost_checks=lost)


def read_analysis(data: JsonObject) -> AnalysisSection | None:
    """Rules and signals alone, of a section that a rollout kept; None without any that can be read."""
    found = _alone("analysis", data)
    return found if isinstance(found, AnalysisSection) else None


def read_monitoring(data: JsonObject) -> MonitoringSection | None:
    """Where rules and alerts are, of a section that a rollout kept; None where it names none that can be read."""
    found = _alone("monitoring", data)
    return found if isinstance(found, MonitoringSection) else None


def read_probes(data: JsonObject) -> Sequence[ProbeSection]:
    """The probes alone, of a section that a rollout kept."""
    found = _alone("probes", data)
    return [one for one in found if isinstance(one, ProbeSection)] if isinstance(found, list) else ()


def read_kind(name: str, data: JsonObject) -> AdapterSection | None:
    """The fleet, router, metrics or flag alone, of a section that a rollout kept."""
    found = _alone(name, data)
    return found if isinstance(found, AdapterSection) else None


def read_routers(data: JsonObject) -> tuple[AdapterSection, ...]:
    """Every router that can be read, of a section that a rollout kept."""
    if (one := read_kind("router", data)) is not None:
        return (one,)
    several = _alone("routers", data)
    return (
        tuple(one for one in several.values() if isinstance(one, AdapterSection)) if isinstance(several, dict) else ()
    )


def _alone(name: str, data: JsonObject) -> object:
    if data.get(name) is None:
        return None
    known = _without_unknown({name: data[name]})
    return _part(name, EnvironmentSection.model_fields[name], known.get(name), [])


def _without_unknown(data: JsonObject) -> JsonObject:
    kept = {name: _copy(value) for name, value in data.items()}
    for _ in range(_ROUNDS):
        try:
            EnvironmentSection.model_validate(kept)
        except ValidationError as error:
            unknown = [detail["loc"] for detail in error.errors() if detail["type"] == "extra_forbidden"]
        else:
            unknown = []
        if not any(_drop(kept, path) for path in unknown):
            break
    return kept


def _copy(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list | tuple) else value


def _drop(data: Json, path: tuple[int | str, ...]) -> bool:
    inside, last = find(data, *path[:-1]), path[-1]
    if not isinstance(inside, dict) or last not in inside:
        return False
    del inside[str(last)]
    _log.warning("the configuration kept with a rollout: %s is not known here, ignored", ".".join(map(str, path)))
    return True


def _part(name: str, field: FieldInfo, value: object, trouble: list[str]) -> object:
    """One part of the section; None where it is left out. Of a list or a mapping what can be read of it."""
    adapter: TypeAdapter[object] = TypeAdapter(field.rebuild_annotation())
    try:
        return adapter.validate_python(value, strict=True)
    except ValidationError as error:
        why = _in_words(error)
    if name in _WAY_BACK and isinstance(value, dict):
        return _every_router(value, trouble) if name == "routers" else _by_its_kind(name, value, trouble)
    if name == "analysis" and isinstance(value, dict):
        return _analysis(value, trouble)
    if isinstance(value, dict | list) and name in _MEMBERS:
        return _readable(adapter, name, value, trouble)
    trouble.append(f"{name} is left out, this version cannot read it: {why}")
    return None


def _analysis(value: dict[str, object], trouble: list[str]) -> AnalysisSection | None:
    """The rules and signals that can be read; None where none of them can."""
    kept = dict(value)
    for name, field in AnalysisSection.model_fields.items():
        members = value.get(name)
        if name in ("rules", "signals") and isinstance(members, dict | list):
            adapter: TypeAdapter[object] = TypeAdapter(field.rebuild_annotation())
            kept[name] = _readable(adapter, f"analysis.{name}", members, trouble)
    try:
        return AnalysisSection.model_validate(kept)
    except ValidationError as error:
        trouble.append(f"analysis is left out, this version cannot read it: {_in_words(error)}")
        return None


def _readable(
    adapter: TypeAdapter[object], name: str, value: dict[str, object] | list[object], trouble: list[str]
) -> object:
    """The members of a list or a mapping that can be read, each tried alone."""
    kept: dict[str | int, object] = {}
    for key, member in enumerate(value) if isinstance(value, list) else value.items():
        try:
            adapter.validate_python([member] if isinstance(value, list) else {key: member}, strict=True)
        except ValidationError as error:
            trouble.append(f"{name}.{key} is left out, this version cannot read it: {_in_words(error)}")
            continue
        kept[key] = member
    return adapter.validate_python(list(kept.values()) if isinstance(value, list) else kept, strict=True)


def _every_router(value: dict[str, object], trouble: list[str]) -> dict[str, AdapterSection]:
    """Those of several routers that can be read; what is wrong with one keeps the others from nothing."""
    found = {}
    for name, one in value.items():
        router = _by_its_kind(f"routers.{name}", one, trouble) if isinstance(one, dict) else None
        if router is not None:
            found[name] = router
    return found


def _by_its_kind(name: str, value: dict[str, object], trouble: list[str]) -> AdapterSection | None:
    """A part with a kind, by the model of that kind. Without its adapter nothing can act on it."""
    marker = _KINDS[name.partition(".")[0]]
    kind = value.get("kind", marker.default)
    model = section_of(marker.port, kind) if isinstance(kind, str) else None
    if model is None:
        known = ", ".join(kinds_of(marker.port))
        trouble.append(f"{name}.kind {kind!r} is not installed here; there are {known}")
        return None
    return _value_by_value(model, name, value, trouble)


def _value_by_value(model: type[_M], place: str, data: dict[str, object], trouble: list[str]) -> _M | None:
    """Each value unchanged: one that this version would refuse is used all the same if there is no default."""
    found: dict[str, object] = {}
    for name, field in model.model_fields.items():
        if name not in data:
            if field.is_required():
                trouble.append(f"{place}.{name} is missing")
                return None
            continue
        try:
            found[name] = TypeAdapter(field.rebuild_annotation()).validate_python(data[name], strict=True)
        except ValidationError as error:
            if field.is_required() and type(data[name]) is str:
                found[name] = data[name]
            elif field.is_required():
                trouble.append(f"{place}.{name} cannot be read: {_in_words(error)}")
                return None
            trouble.append(f"{place}.{name} has a value that this version does not accept: {_in_words(error)}")
    return model.model_construct(None, **found)


def _in_words(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]


_KINDS: Mapping[str, KindOf] = {
    "fleet": KindOf(Port.FLEET),
    "router": KindOf(Port.ROUTER),
    "routers": KindOf(Port.ROUTER),
    "metrics": KindOf(Port.METRICS),
    "flag": KindOf(Port.FLAGS, default="flagd"),
}
