"""An environment's configuration as a rollout kept it, read by whatever version of Pilotage is at work now.

What `pilotage.yaml` may say is checked strictly when a rollout is created. Read back later, maybe by another version,
nothing may keep the rollout from being undone: unknown keys are dropped with a warning, guards that cannot be read are
left out and named, and the parts that bring users back (fleet, router, flag) keep every value that is there.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from pilotage.config.analysis import AnalysisSection
from pilotage.config.checks import ProbeSection
from pilotage.config.kinds import AdapterSection, KindOf, kinds_of, section_of
from pilotage.config.models import EnvironmentSection
from pilotage.model.capabilities import Port
from pilotage.model.errors import Invalid

_log = logging.getLogger(__name__)
_M = TypeVar("_M", bound=BaseModel)

_WAY_BACK = ("fleet", "router", "routers", "metrics", "flag")
"""Parts without which users cannot be brought back, or what they met cannot be counted: read value by value."""

_MEMBERS = ("probes", "checks", "routes", "overrides")
"""Lists and mappings of which one member may be left out without the others."""

_ROUNDS = 8
"""Unknown keys inside of a part that was itself not looked into before show only at the next round."""


class UnreadableSection(Invalid):
    """The stored configuration of a rollout has no usable fleet or router."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What could be read of a section, and what could not."""

    section: EnvironmentSection
    trouble: tuple[str, ...] = ()
    """What was left out or used as it stands, a sentence each."""
    lost_checks: tuple[str, ...] = ()
    """Steps whose checks were left out; such a check fails, it never passes by default."""


def read_section(data: Mapping[str, Any]) -> Stored:
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
    found: dict[str, Any] = {}
    for name, field in EnvironmentSection.model_fields.items():
        if name in known and (value := _part(name, field, known[name], trouble)) is not None:
            found[name] = value
    if "fleet" not in found or not ("router" in found or found.get("routers")):
        raise UnreadableSection("; ".join(trouble) or "the configuration kept with the rollout has no fleet or router")
    section = EnvironmentSection.model_construct(**found)
    checks = known.get("checks")
    lost = tuple(name for name in checks if name not in section.checks) if isinstance(checks, dict) else ()
    return Stored(section=section, trouble=tuple(trouble), lost_checks=lost)


def read_analysis(data: Mapping[str, Any]) -> AnalysisSection | None:
    """Rules and signals alone, of a section that a rollout kept; None without any that can be read."""
    return cast(AnalysisSection | None, _alone("analysis", data))


def read_probes(data: Mapping[str, Any]) -> Sequence[ProbeSection]:
    """The probes alone, of a section that a rollout kept."""
    return cast(list[ProbeSection] | None, _alone("probes", data)) or ()


def read_kind(name: str, data: Mapping[str, Any]) -> AdapterSection | None:
    """The fleet, router, metrics or flag alone, of a section that a rollout kept."""
    return cast(AdapterSection | None, _alone(name, data))


def read_routers(data: Mapping[str, Any]) -> tuple[AdapterSection, ...]:
    """Every router that can be read, of a section that a rollout kept."""
    one, several = _alone("router", data), _alone("routers", data)
    return (one,) if one else tuple((several or {}).values())


def _alone(name: str, data: Mapping[str, Any]) -> Any:
    if data.get(name) is None:
        return None
    known = _without_unknown({name: data[name]})
    return _part(name, EnvironmentSection.model_fields[name], known.get(name), [])


def _without_unknown(data: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = _copy(data)
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


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list | tuple) else value


def _drop(data: Any, path: tuple[int | str, ...]) -> bool:
    for part in path[:-1]:
        inside = isinstance(data, dict) and part in data
        inside = inside or (isinstance(data, list) and isinstance(part, int) and part < len(data))
        if not inside:
            return False
        data = data[part]
    if not isinstance(data, dict) or path[-1] not in data:
        return False
    del data[path[-1]]
    _log.warning("the configuration kept with a rollout: %s is not known here, ignored", ".".join(map(str, path)))
    return True


def _part(name: str, field: FieldInfo, value: Any, trouble: list[str]) -> Any:
    """One part of the section; None where it is left out. Of a list or a mapping what can be read of it."""
    adapter: TypeAdapter[Any] = TypeAdapter(field.rebuild_annotation())
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


def _analysis(value: dict[str, Any], trouble: list[str]) -> AnalysisSection | None:
    """The rules and signals that can be read; None where none of them can."""
    kept = dict(value)
    for name, field in AnalysisSection.model_fields.items():
        if name in ("rules", "signals") and isinstance(value.get(name), dict | list):
            adapter: TypeAdapter[Any] = TypeAdapter(field.rebuild_annotation())
            kept[name] = _readable(adapter, f"analysis.{name}", value[name], trouble)
    try:
        return AnalysisSection.model_validate(kept)
    except ValidationError as error:
        trouble.append(f"analysis is left out, this version cannot read it: {_in_words(error)}")
        return None


def _readable(adapter: TypeAdapter[Any], name: str, value: dict[str, Any] | list[Any], trouble: list[str]) -> Any:
    """The members of a list or a mapping that can be read, each tried alone."""
    kept: Any = [] if isinstance(value, list) else {}
    for key, member in enumerate(value) if isinstance(value, list) else value.items():
        try:
            adapter.validate_python([member] if isinstance(value, list) else {key: member}, strict=True)
        except ValidationError as error:
            trouble.append(f"{name}.{key} is left out, this version cannot read it: {_in_words(error)}")
            continue
        if isinstance(value, list):
            kept.append(member)
        else:
            kept[key] = member
    return adapter.validate_python(kept, strict=True)


def _every_router(value: dict[str, Any], trouble: list[str]) -> dict[str, AdapterSection]:
    """Those of several routers that can be read; what is wrong with one keeps the others from nothing."""
    found = {}
    for name, one in value.items():
        router = _by_its_kind(f"routers.{name}", one, trouble) if isinstance(one, dict) else None
        if router is not None:
            found[name] = router
    return found


def _by_its_kind(name: str, value: dict[str, Any], trouble: list[str]) -> AdapterSection | None:
    """A part with a kind, by the model of that kind. Without its adapter nothing can act on it."""
    marker = _KINDS[name.partition(".")[0]]
    kind = value.get("kind", marker.default)
    model = section_of(marker.port, kind) if isinstance(kind, str) else None
    if model is None:
        known = ", ".join(kinds_of(marker.port))
        trouble.append(f"{name}.kind {kind!r} is not installed here; there are {known}")
        return None
    return _value_by_value(model, name, value, trouble)


def _value_by_value(model: type[_M], place: str, data: dict[str, Any], trouble: list[str]) -> _M | None:
    """Each value as it stands: one that this version would refuse is used all the same where there is no default."""
    found: dict[str, Any] = {}
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
            trouble.append(f"{place}.{name} is none that this version would take: {_in_words(error)}")
    return model.model_construct(**found)


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
