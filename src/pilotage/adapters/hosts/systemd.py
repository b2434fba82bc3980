"""The runner `systemd`: each instance is a unit of its own, which systemd starts, limits, logs and stops.

Units are written files and not transient ones of `systemd-run`: a written unit says on the host what runs there, and
starts again after a reboot. Its name, with service and environment in it, is the mark by which another controller finds
it. They lie in Pilotage's folder on the host, and `systemctl enable PATH` makes them known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pilotage.adapters.fence import Fence
from pilotage.adapters.hosts import on_host
from pilotage.adapters.hosts.host import Host
from pilotage.adapters.hosts.hosted_program import HostedProgram, folder_for, last_words
from pilotage.adapters.hosts.releases import Releases
from pilotage.adapters.hosts.remote_processes import lacks_to_start
from pilotage.adapters.hosts.runner import Found, Wanted
from pilotage.adapters.hosts.unit_files import Place, facts_of, unit_text, variables_text
from pilotage.adapters.logs import LAST_WORDS
from pilotage.adapters.ports import AdapterError, NeverStarts

_NEVER = {
    "200": "its folder does not exist",
    "203": "it does not exist there, or cannot be executed",
    "216": "its user or group does not exist there",
    "217": "its user does not exist there",
}
"""Exit statuses by which systemd says that it never ran (systemd.exec(5))."""
_RUNNING = ("active", "activating", "reloading", "deactivating")
_UNKNOWN = 2**63
"""systemd shows the largest number where it does not know one."""


class SystemdUnits:
    """The Runner protocol over systemd. user_manager: that of the user who logs in, instead of the system's."""

    def __init__(
        self,
        host: Host,
        program: HostedProgram,
        *,
        service: str,
        environment: str,
        user_manager: bool = False,
        releases: Releases | None = None,
    ) -> None:
        self._host, self._program, self._target = host, program, (service, environment)
        self._user_manager, self._scope = user_manager, "--user" if user_manager else "--system"
        self._releases = releases or Releases(host, program)
        self._endings: dict[str, str] = {}

    @property
    def _base(self) -> str:
        return folder_for(self._host.folder, *self._target)

    @property
    def _prefix(self) -> str:
        return f"pilotage-{'_'.join(self._target)}-"

    def _place(self, name: str) -> Place:
        return Place(base=self._base, unit=f"{self._prefix}{name}.service", user_manager=self._user_manager)

    def found(self) -> tuple[Found, ...]:
        answer = on_host.call(self._host, "units", self._base, self._scope, self._prefix).decode(errors="replace")
        listed = [row.split(" ")[1:] for row in answer.splitlines() if row.startswith("unit ")]
        shown = {block["Id"]: block for block in _blocks(answer) if "Id" in block}
        found = [self._found(fields, shown.get(fields[0], {})) for fields in listed]
        self._endings = {name: said for name, said in self._endings.items() if name in {one.name for one in found}}
        return tuple(sorted(found, key=lambda one: one.number))

    def _found(self, fields: Sequence[str], shown: Mapping[str, str]) -> Found:
        unit, stopping, uptime, *facts = fields
        name = unit.removeprefix(self._prefix).removesuffix(".service")
        try:
            version, port, number = facts_of(facts)
        except ValueError:
            raise AdapterError(f"{self._base}/units/{unit} is not as Pilotage wrote it") from None
        state = shown.get("ActiveState", "inactive")
        running = state in _RUNNING
        began = _whole(shown, "ExecMainStartTimestampMonotonic") or 0
        nanoseconds = _whole(shown, "CPUUsageNSec")
        return Found(
            name=name,
            version=version,
            number=number,
            port=port,
            running=running,
            stopping=stopping == "1" or state == "deactivating",
            age=max(0.0, float(uptime) - began / 1e6),
            memory=_whole(shown, "MemoryCurrent") if running else None,
            cpu=nanoseconds / 1e9 if running and nanoseconds is not None else None,
            detail="" if running else self._ending(name, shown),
        )

    def _ending(self, name: str, shown: Mapping[str, str]) -> str:
        """How it ended, and the end of its log; asked once."""
        if name not in self._endings:
            words = last_words(self.log(name, LAST_WORDS))
            how = f"{shown.get('Result', 'gone')} (exit status {shown.get('ExecMainStatus', '?')})"
            self._endings[name] = f"{how}; {words}" if words else how
        return self._endings[name]

    def start(self, wanted: Wanted, fence: Fence) -> None:
        folder, place = self._releases.folder(wanted.version), self._place(wanted.name)
        program = self._program.on(self._host, wanted.version, wanted.port, folder)
        self._host.write(place.variables, variables_text(program.environment.named()).encode(), fence=fence)
        self._host.write(place.file, unit_text(wanted, program, place).encode(), mode=0o644, fence=fence)
        release = folder.removeprefix("releases/")
        answer = on_host.call(
            self._host, "unit_start", self._base, self._scope, place.unit, release, within=30.0, fence=fence
        )
        shown = next(iter(_blocks(answer.decode(errors="replace"))), {})
        if (status := shown.get("ExecMainStatus", "")) in _NEVER:
            self.stop(wanted.name, fence)
            raise NeverStarts(f"cannot start {program.command[0]!r}: {_NEVER[status]}")

    def stop(self, name: str, fence: Fence) -> None:
        on_host.call(
            self._host, "unit_stop", self._base, self._scope, self._place(name).unit, within=15.0, fence=fence
        )  # fmt: skip

    def log(self, name: str, lines: int) -> tuple[str, ...]:
        asked = ["journalctl", *(["--user"] if self._user_manager else []), "--unit", self._place(name).unit]
        done = self._host.run([*asked, "--lines", str(lines), "--output", "cat", "--no-pager", "--quiet"], within=3.0)
        return tuple(done.out.decode(errors="replace").splitlines()[-lines:]) if done.status == 0 else ()

    def lacks(self, version: str) -> str:
        done = self._host.run(["systemctl", "--version"], within=5.0)
        if done.status:
            return "systemctl is not there: the runner `systemd` needs systemd"
        return lacks_to_start(self._host, self._program, version, self._base, self._releases)

    def prepare(self, version: str, fence: Fence) -> str:
        return self._releases.bring(self._base, version, fence)


def _blocks(answer: str) -> list[dict[str, str]]:
    """What `systemctl show` said of each unit."""
    blocks: list[dict[str, str]] = [{}]
    for row in answer.splitlines():
        key, equals, value = row.partition("=")
        if not row:
            blocks.append({})
        elif equals:
            blocks[-1][key] = value
    return [block for block in blocks if block]


def _whole(shown: Mapping[str, str], name: str) -> int | None:
    text = shown.get(name, "")
    return int(text) if text.isdigit() and int(text) < _UNKNOWN else None
