"""Runs instances as containers of podman or docker on one host.

What is ours is marked by labels, so another controller finds it again from the runtime alone. A container that was
asked to stop is renamed to `NAME.stopping.SECONDS`: labels cannot change, and so the runtime itself remembers when it
was asked. Every command may be repeated after a cut connection.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pilotage.adapters.environment import Environment
from pilotage.adapters.fence import Fence
from pilotage.adapters.hosts.cgroups import Cgroups, Usage
from pilotage.adapters.hosts.container_environment import env_file_of
from pilotage.adapters.hosts.container_logs import LOG_OPTIONS, ending, lines_of
from pilotage.adapters.hosts.container_owner import Owner
from pilotage.adapters.hosts.container_runtime import Container, ContainerRuntime
from pilotage.adapters.hosts.host import Done, Host, Unreachable
from pilotage.adapters.hosts.images import Images, Pins
from pilotage.adapters.hosts.runner import Found, Wanted
from pilotage.adapters.placeholders import filled
from pilotage.adapters.ports import AdapterError, NeverStarts
from pilotage.adapters.stages.built import Built
from pilotage.config.containers import ContainerSection
from pilotage.model.traffic import artifact_of

_OWNER, _NAME, _VERSION, _NUMBER, _PORT, _IMAGE = (
    f"pilotage.{what}" for what in ("owner", "instance", "version", "number", "port", "image")
)
_ASKED = re.compile(r"\.stopping\.(\d{1,12})\Z")
_START = 60.0
"""Seconds that creating a container takes at most, on a busy disk."""
_ULIMITS = {"open_files": "nofile", "processes": "nproc", "core": "core"}
_CANNOT_START = (125, 126, 127)
"""Exit statuses by which both runtimes say that the program never ran."""
_FEWER = (
    ". The machine allows fewer open files or processes: set the container's `limits`, such as {open_files: 1024, "
    "processes: 1000}"
)
_NO_PROGRAM = ("executable file not found", "no such file or directory", "permission denied", "exec format error")


NO_FACTS: Mapping[str, str] = {}


class ContainerRunner:
    """The Runner port over a container runtime.

    folder: the project's, for env_file · pins: shared by the runners of all hosts · stop_timeout: seconds between
    asking an instance to end and killing it · facts: values of further placeholders · built: what `{artifact}` means.
    """

    def __init__(
        self, host: Host, section: ContainerSection, *, owner: Owner, folder: Path, pins: Pins, stop_timeout: float,
        facts: Mapping[str, str] = NO_FACTS, built: Built | None = None,
    ) -> None:  # fmt: skip
        self._host, self._section, self._owner, self._facts = host, section, owner, facts
        self._runtime = ContainerRuntime(host, section.runtime or "", section.runtime_args)
        self._images = Images(self._runtime, section, pins, built)
        self._cgroups, self._stop_timeout = Cgroups(host), stop_timeout
        self._environment = environment_of(section, folder)
        self._endings: dict[str, str] = {}
        self._ids: Mapping[str, str] = {}
        self._has_folder = False

    def found(self) -> tuple[Found, ...]:
        there = self._ours()
        usage = self._cgroups.usage([one.pid for one in there if one.pid])
        self._endings = {key: text for key, text in self._endings.items() if key in {one.id for one in there}}
        now = self._now() if there else 0.0
        return tuple(self._found(one, usage.get(one.pid, Usage()), now) for one in there)

    def start(self, wanted: Wanted, fence: Fence) -> None:
        image = self._images.ready(wanted.version, fence)
        given = self._given(wanted)
        lines, apart = env_file_of(given)
        command = self._command(wanted, image, apart)
        done = self._run(command, fence, variables=lines, apart=apart)
        if done.status and (name := self._owner.called(wanted.name)) and self._is_there(name, wanted, fence):
            return
        if done.status:
            self._discard(wanted, fence)
            never = done.status in _CANNOT_START and any(sign in done.said.lower() for sign in _NO_PROGRAM)
            said = self._environment.without_secrets(done.said) + (_FEWER if "rlimit" in done.said else "")
            raise (NeverStarts if never else AdapterError)(f"{self._runtime.place}cannot start {image}: {said}")

    def stop(self, name: str, fence: Fence) -> None:
        if (one := self._called(name)) is not None:
            self._stop(one, fence)

    def log(self, name: str, lines: int) -> tuple[str, ...]:
        one = self._called(name)
        return tuple(map(self._environment.without_secrets, lines_of(self._runtime, one.id, lines))) if one else ()

    def inside(self, name: str) -> list[str]:
        return self._runtime.inside(self._owner.called(name))

    def lacks(self, version: str) -> str:
        try:
            self._given(Wanted(name="", version=version, number=0, port=0))
            return self._images.lacks(version)
        except Unreachable:
            raise
        except AdapterError as error:
            return str(error)

    def prepare(self, version: str, fence: Fence) -> str:
        return self._images.bring(version, fence)

    def image_of(self, version: str) -> str:
        """The image that a version is, by digest; empty until it was prepared."""
        return self._images.pinned(version)

    # ── starting ───────────────────────────────────────────────────────────────────────────────────────────

    def _places(self, wanted: Wanted) -> Mapping[str, str]:
        own = {"version": artifact_of(wanted.version), "port": str(wanted.port), "host": self._host.address}
        return {**self._facts, **own}

    def _given(self, wanted: Wanted) -> Mapping[str, str]:
        """The variables of an instance. Raises AdapterError."""
        places = self._places(wanted)
        given = {name: filled(value, places) for name, value in self._section.env.items()}
        return replace(self._environment, given=given).named()

    def _command(self, wanted: Wanted, image: str, apart: Mapping[str, str]) -> list[str]:
        section, places = self._section, self._places(wanted)
        limits = section.limits.given if section.limits else {}
        labels = {
            _OWNER: self._owner.mark, _NAME: wanted.name, _VERSION: wanted.version, _NUMBER: str(wanted.number),
            _PORT: str(wanted.port), _IMAGE: image,
            "pilotage.service": self._owner.service, "pilotage.environment": self._owner.environment,
        }  # fmt: skip
        return [
            "run", "--detach", "--name", self._owner.called(wanted.name), "--restart", "no", "--pull", "never",
            *(part for label, value in labels.items() for part in ("--label", f"{label}={value}")),
            "--env-file", "/dev/stdin", *(part for name in apart for part in ("--env", name)),
            *self._reached(wanted.port),
            *LOG_OPTIONS[self._runtime.program],
            *(part for volume in section.volumes for part in ("--volume", filled(volume, places))),
            *_option("--user", section.user), *_option("--memory", section.memory), *_option("--cpus", section.cpus),
            *(part for name, value in limits.items() for part in ("--ulimit", f"{_ULIMITS[name]}={value}:{value}")),
            *_option("--stop-signal", section.stop_signal),
            *(["--read-only"] if section.read_only else []), *(["--init"] if section.init else []),
            *(filled(part, places) for part in section.arguments),
            image,
            *(filled(part, places) for part in section.command),
        ]  # fmt: skip

    def _reached(self, port: int) -> list[str]:
        section = self._section
        if section.container_port is None:
            return ["--network", section.network or "host"]
        address = section.publish_address or ("127.0.0.1" if not self._host.name else "")
        shown = f"[{address}]" if ":" in address else address
        published = f"{shown}:{port}:{section.container_port}" if shown else f"{port}:{section.container_port}"
        return [*_option("--network", section.network), "--publish", published]

    def _is_there(self, name: str, wanted: Wanted, fence: Fence) -> bool:
        """Whether an earlier try of this very start, which was cut off, created it; then it runs now."""
        found = self._runtime.inspected([name])
        if not found:
            return False
        one = found[0]
        if one.labels.get(_OWNER) != self._owner.mark or one.labels.get(_NAME) != wanted.name:
            raise AdapterError(
                f"{self._runtime.place}a container called {name} exists that Pilotage did not start: rename it, and "
                "Pilotage continues"
            )
        if one.never_started:
            return self._run(["start", one.id], fence).status == 0
        return True

    def _run(
        self,
        command: Sequence[str],
        fence: Fence,
        *,
        variables: bytes = b"",
        apart: Mapping[str, str] | None = None,
    ) -> Done:
        """What starts a program, in our own folder."""
        if not self._has_folder:
            self._has_folder = self._host.run(["mkdir", "-p", "-m", "700", self._host.folder], fence=fence).status == 0
        cwd = self._host.folder if self._has_folder else ""
        return self._runtime.call(*command, input=variables, environment=apart, within=_START, fence=fence, cwd=cwd)

    def _discard(self, wanted: Wanted, fence: Fence) -> None:
        """Remove what a start left that failed after the container was created."""
        for one in self._runtime.inspected([self._owner.called(wanted.name)]):
            if one.labels.get(_OWNER) == self._owner.mark and not one.runs:
                self._remove(one, fence)

    # ── stopping ───────────────────────────────────────────────────────────────────────────────────────────

    def _stop(self, one: Container, fence: Fence) -> None:
        if not one.runs:
            self._remove(one, fence)
            return
        asked = _asked_at(one.name)
        if asked is None:
            self._runtime.call("kill", "--signal", one.stop_signal, one.id, fence=fence)
            self._runtime.call("rename", one.id, f"{one.name}.stopping.{int(self._now())}", fence=fence)
        elif not 0 <= self._now() - asked < self._stop_timeout:
            self._runtime.call("kill", "--signal", "KILL", one.id, fence=fence)

    def _remove(self, one: Container, fence: Fence) -> None:
        done = self._runtime.call("rm", "--force", "--volumes", one.id, fence=fence)
        if done.status and self._runtime.inspected([one.id]):
            raise AdapterError(f"{self._runtime.place}cannot remove the container {one.name}: {done.said}")

    # ── looking ────────────────────────────────────────────────────────────────────────────────────────────

    def _ours(self) -> Sequence[Container]:
        found = self._runtime.containers(f"{_OWNER}={self._owner.mark}")
        ours = sorted((one for one in found if one.labels.get(_NAME)), key=lambda one: _number(one, _NUMBER))
        self._ids = {one.labels[_NAME]: one.id for one in ours}
        return ours

    def _called(self, name: str) -> Container | None:
        """One of ours; None if it is gone. One that was seen before is asked about directly."""
        known = self._ids.get(name)
        found = self._runtime.inspected([known]) if known else ()
        return next((one for one in found or self._ours() if one.labels.get(_NAME) == name), None)

    def _found(self, one: Container, usage: Usage, now: float) -> Found:
        self._images.adopt(one.labels.get(_VERSION, ""), one.labels.get(_IMAGE, ""))
        asked = _asked_at(one.name) is not None
        if one.runs or one.never_started:
            detail = "" if one.runs else "it was created, and not started yet"
        else:
            detail = self._ending(one, asked)
        return Found(
            name=one.labels[_NAME],
            version=one.labels.get(_VERSION, ""),
            number=_number(one, _NUMBER),
            port=_number(one, _PORT),
            running=one.runs,
            stopping=asked or one.status in ("stopping", "removing") or one.never_started,
            age=max(0.0, now - one.started) if one.started else 0.0,
            memory=usage.memory,
            cpu=usage.cpu,
            detail=detail,
        )

    def _ending(self, one: Container, asked: bool) -> str:
        """How it ended, asked of the runtime once."""
        if one.id not in self._endings:
            told = ending(self._runtime, one, killed_by_us=asked)
            self._endings[one.id] = self._environment.without_secrets(told)
        return self._endings[one.id]

    def _now(self) -> float:
        """Unix seconds by the host's clock, by which the runtime dates its containers."""
        if not self._host.name:
            return time.time()
        told = self._host.run(["date", "+%s"]).out.strip()
        return float(told) if told.isdigit() else time.time()


def environment_of(section: ContainerSection, folder: Path) -> Environment:
    """What containers see next to what their image gives. folder: from which the paths of env_file start."""
    files = tuple(folder / name for name in section.env_files)
    return Environment(given=section.env, passed=section.pass_env, files=files)


def _option(name: str, value: object) -> list[str]:
    return [] if value is None else [name, f"{value}"]


def _number(one: Container, label: str) -> int:
    text = one.labels.get(label, "")
    return int(text) if text.isdigit() and len(text) < 12 else 0


def _asked_at(name: str) -> int | None:
    found = _ASKED.search(name)
    return int(found[1]) if found else None
