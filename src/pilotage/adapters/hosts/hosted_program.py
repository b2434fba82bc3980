"""The program of a service on a host: what its instances run, and as whom."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pilotage.adapters import logs
from pilotage.adapters.environment import Environment
from pilotage.adapters.hosts.host import Host
from pilotage.adapters.placeholders import filled
from pilotage.model.traffic import artifact_of

_USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, kw_only=True)
class HostedProgram:
    """What an instance runs. `{version}`, `{port}`, `{host}` and the host's variables are filled in.

    command: argument list · cwd: its folder, from the service's own folder on the host · user: who runs it, empty for
    the one who logs in · limits: by their names in the configuration, -1 for none · stop_signal: such as `TERM` ·
    stop_timeout: seconds between asking it to stop and killing it · facts: values of further placeholders.
    """

    command: tuple[str, ...]
    environment: Environment = field(default_factory=Environment)
    cwd: str = ""
    user: str = ""
    limits: Mapping[str, int] = field(default_factory=dict)
    stop_signal: str = "TERM"
    stop_timeout: float = 10.0
    facts: Mapping[str, str] = field(default_factory=dict)

    def on(self, host: Host, version: str, port: int = 0, folder: str = "") -> HostedProgram:
        """With the values of one instance there. folder: its own, where the configuration names none."""
        facts = {**self.facts, "host": host.address, "version": artifact_of(version), "port": str(port)}
        given = {name: filled(value, facts) for name, value in self.environment.given.items()}
        return replace(
            self,
            command=tuple(filled(part, facts) for part in self.command),
            cwd=filled(self.cwd, facts) or folder,
            environment=replace(self.environment, given=given),
        )


def folder_for(folder: str, service: str, environment: str) -> str:
    """The folder of a service on a host. folder: Pilotage's own there."""
    return f"{folder}/{service}_{environment}"  # names have no underscore, so no two run together


def last_words(rows: Sequence[str]) -> str:
    """The end of a log in a sentence; empty for an empty log."""
    said = logs.last_words(rows)
    return f"end of its log: {said}" if said else ""


def lines_of(program: HostedProgram, more: dict[str, str] | None = None) -> bytes:
    """The program as lines of sh, for standard input: its variables may be secrets. more: what only `check` reads."""
    variables = {} if more else program.environment.named()
    path = program.environment.given.get("PATH") or variables.get("PATH")
    settings = {"home": program.cwd, "as": program.user, **(more or {})}
    lines = [f"launcher_{name}={shlex.quote(value)}" for name, value in settings.items()]
    lines.append(f"launcher_path={shlex.quote(path)}" if path else f"launcher_path=${{PATH:-{_USUAL_PATH}}}")
    exports = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    lines += ["launcher_exports() {", ":", *exports, "}"]
    lines.append(f"set -- {_joined(program.command)}")
    return "\n".join(lines).encode()


def _joined(command: Iterable[str]) -> str:
    return " ".join(map(shlex.quote, command))
