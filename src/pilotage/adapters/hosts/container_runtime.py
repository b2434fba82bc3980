"""podman and docker by their command line: what both understand in the same way, as argument lists through a Host."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pilotage.adapters.fence import Fence
from pilotage.adapters.hosts.host import Done, Host
from pilotage.adapters.ports import AdapterError
from pilotage.model.json import Json, JsonObject, object_at, text_at

_NOT_FOUND, _NOT_EXECUTABLE = 127, 126
_PROGRAMS = ("podman", "docker")
_NEVER_STARTED = ("created", "configured", "initialized")
_RUNNING = ("running", "paused", "restarting", "stopping")
_DAEMON_GONE = ("cannot connect to", "is the docker daemon running", "unable to connect to podman")


class NoRuntime(AdapterError):
    """Neither program is there, or its daemon does not answer."""


@dataclass(frozen=True, kw_only=True)
class Container:
    """One container, as the runtime shows it. started, finished: Unix seconds by the host's clock, 0 if never · pid: of
    its first process on the host, 0 if it does not run · memory_limit: bytes, 0 without one."""

    id: str
    name: str
    labels: Mapping[str, str]
    status: str
    pid: int
    exit_status: int
    killed_for_memory: bool
    error: str
    started: float
    finished: float
    stop_signal: str
    memory_limit: int

    @property
    def runs(self) -> bool:
        return self.status in _RUNNING

    @property
    def never_started(self) -> bool:
        return self.status in _NEVER_STARTED


class ContainerRuntime:
    """The runtime of one host. program: `podman` or `docker`; empty for the first of them that is installed."""

    def __init__(self, host: Host, program: str = "", arguments: Sequence[str] = ()) -> None:
        self.host, self._program, self._arguments = host, program, tuple(arguments)
        self._wanted = (program,) if program else _PROGRAMS

    @property
    def program(self) -> str:
        """Raises NoRuntime, Unreachable."""
        if not self._program:
            found = [name for name in self._wanted if self.host.run([name, "--version"]).status == 0]
            if not found:
                raise NoRuntime(f"{self.place}neither podman nor docker is installed: install one of them")
            self._program = found[0]
        return self._program

    @property
    def place(self) -> str:
        """The host at the beginning of a sentence; empty for this machine."""
        return f"{self.host.name}: " if self.host.name else ""

    def call(
        self,
        *words: str,
        input: bytes = b"",  # noqa: A002
        environment: Mapping[str, str] | None = None,
        within: float = 20.0,
        fence: Fence | None = None,
        options: Sequence[str] = (),
        cwd: str = "",
    ) -> Done:
        """Run one of its commands. options: before the command · cwd: what the runtime leaves where it starts a
        container, such as an empty file `oom` of conmon 2.1, is left there. Raises NoRuntime, Unreachable,
        AdapterError, Fenced."""
        command = [self.program, *self._arguments, *options, *words]
        done = self.host.run(command, input=input, environment=environment, within=within, fence=fence, cwd=cwd)
        if done.status in (_NOT_FOUND, _NOT_EXECUTABLE) and done.err.startswith(self.program.encode()):
            raise NoRuntime(f"{self.place}{self.program} is not installed: install it, or set fleet.runtime")
        if done.status and any(sign in done.said.lower() for sign in _DAEMON_GONE):
            raise NoRuntime(f"{self.place}{self.program} does not answer, start its service: {done.said}")
        return done

    def inside(self, container: str) -> list[str]:
        """What makes a command run in the container, put before it."""
        return [self.program, *self._arguments, "exec", container]

    def expect(self, *words: str, within: float = 20.0, fence: Fence | None = None) -> bytes:
        """What the command writes. Raises AdapterError where it fails."""
        done = self.call(*words, within=within, fence=fence)
        if done.status:
            raise AdapterError(f"{self.place}{self.program} {words[0]}: {done.said}")
        return done.out

    def containers(self, label: str) -> tuple[Container, ...]:
        """Every container with a label `name=value`, running or not."""
        out = self.expect("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={label}")
        return self.inspected(out.decode(errors="replace").split())

    def inspected(self, names: Sequence[str]) -> tuple[Container, ...]:
        """Those of the named ones that exist."""
        if not names:
            return ()
        done = self.call("container", "inspect", *names)
        found = _json(done.out)
        if not isinstance(found, list):
            raise AdapterError(f"{self.place}{self.program} inspect: {done.said}")
        return tuple(_container(one) for one in found if isinstance(one, dict))

    def image(self, name: str) -> JsonObject | None:
        """What the host knows of an image; None if it does not have it."""
        found = _json(self.call("image", "inspect", name).out)
        return found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else None


def _json(out: bytes) -> Json:
    try:
        found: Json = json.loads(out or b"null")
    except (ValueError, RecursionError):
        return None
    return found


def _container(found: JsonObject) -> Container:
    state, config = object_at(found, "State"), object_at(found, "Config")
    limits = found.get("HostConfig")
    labels = config.get("Labels")
    return Container(
        id=text_at(found, "Id"),
        name=text_at(found, "Name").removeprefix("/"),
        labels={key: str(value) for key, value in labels.items()} if isinstance(labels, Mapping) else {},
        status=str(state.get("Status", "")),
        pid=_whole(state.get("Pid")),
        exit_status=_whole(state.get("ExitCode")),
        killed_for_memory=state.get("OOMKilled") is True,
        error=str(state.get("Error") or ""),
        started=_moment(state.get("StartedAt")),
        finished=_moment(state.get("FinishedAt")),
        stop_signal=str(config.get("StopSignal") or "SIGTERM"),
        memory_limit=_whole(limits.get("Memory")) if isinstance(limits, Mapping) else 0,
    )


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _moment(text: object) -> float:
    """Unix seconds of a time such as `2026-11-26T15:18:46.205317603Z`; 0 for none."""
    try:
        return max(0.0, datetime.fromisoformat(str(text)).timestamp())
    except (ValueError, OverflowError):
        return 0.0
