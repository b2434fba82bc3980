"""What the instances of an environment write: the last lines, and what comes after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pilotage.adapters.logs import ReadableLogs, for_people, new_lines
from pilotage.adapters.ports import AdapterError, Fleet
from pilotage.app.project import Project, Unclear
from pilotage.model.capabilities import Port
from pilotage.model.observation import Instance

MOST = 5000
"""Lines of one instance at once."""
_WINDOW = 1000
"""Lines at the end of a log among which new ones are looked for."""


@dataclass(frozen=True, kw_only=True)
class LogLine:
    instance: str
    version: str
    text: str


class Logs:
    """version, instance: of which alone; empty for all."""

    def __init__(self, fleet: Fleet, version: str = "", instance: str = "") -> None:
        self._fleet, self._version, self._instance = fleet, version, instance
        self._before: dict[str, tuple[str, ...]] = {}

    def last(self, lines: int) -> list[LogLine]:
        """The last lines of each instance. Raises Unclear where there is no such instance, AdapterError."""
        found = list(self._instances())
        if not found:
            named = self._instance or self._version
            raise Unclear(
                f"no instance {f'of {named} ' if named else ''}is known here: `pilotage status` shows what serves"
            )
        return [told for one in found for told in self._read(one, lines)]

    def more(self) -> list[LogLine]:
        """What came since the last call, also of instances that started meanwhile. What cannot be read now is read at
        the next call."""
        try:
            return [told for one in self._instances() for told in self._read(one, _WINDOW)]
        except AdapterError:
            return []

    def _instances(self) -> Iterator[Instance]:
        for one in self._fleet.instances():
            name, _, host = one.id.partition("@")
            named = self._instance in ("", one.id, name, f"{host}/{name}", f"{one.host}:{one.port}")
            if named and self._version in ("", one.version):
                yield one

    def _read(self, one: Instance, lines: int) -> Iterator[LogLine]:
        first = one.id not in self._before
        found = self._lines(one.id, max(lines, _WINDOW))
        new, cut = new_lines(self._before.get(one.id, ()), found)
        self._before[one.id] = found
        if cut:
            yield LogLine(
                instance=one.id, version=one.version, text="… (lines left out: it writes faster than this reads)"
            )
        for text in new[-lines:] if first else new:
            yield LogLine(instance=one.id, version=one.version, text=text)

    def _lines(self, instance: str, lines: int) -> tuple[str, ...]:
        if isinstance(self._fleet, ReadableLogs):
            return self._fleet.log(instance, lines)
        return for_people("\n".join(self._fleet.log_tail(instance, lines)), lines)


def logs_of(project: Project, environment: str, version: str = "", instance: str = "") -> Logs:
    """Raises NoAdapter; Unclear for a fleet that reads no logs."""
    from pilotage.adapters import registry
    from pilotage.adapters.context import Context
    from pilotage.adapters.fence import Fence
    from pilotage.engine.placement.location import place_of

    loaded = project.loaded
    section = loaded.configuration.environments[environment].fleet
    adapter = registry.of(Port.FLEET, section)
    if not adapter.can(section).logs:
        raise Unclear(f"fleets of kind {section.kind} keep their logs elsewhere")
    service = loaded.configuration.service
    place = place_of(project.directory, service, environment)
    context = Context(
        directory=place / "fleet", fence=Fence(place / "fence.json", 0), service=service, environment=environment,
        folder=loaded.folder,
    )  # fmt: skip
    return Logs(adapter.open(section, context), version, instance)
