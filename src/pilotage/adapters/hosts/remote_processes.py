"""The runner `process`: an instance is a detached process on the host, found again by the mark in its environment.

The host needs POSIX sh, coreutils, grep, flock and setsid, and a kernel with /proc; no Python.
"""

from __future__ import annotations

import base64
from dataclasses import replace

from pilotage.adapters.fence import Fence
from pilotage.adapters.fleets.startable import script_of
from pilotage.adapters.hosts import on_host
from pilotage.adapters.hosts.host import Host
from pilotage.adapters.hosts.hosted_program import HostedProgram, folder_for, last_words, lines_of
from pilotage.adapters.hosts.releases import Releases
from pilotage.adapters.hosts.runner import Found, Wanted
from pilotage.adapters.ports import AdapterError, NeverStarts

_LIMITS = {"open_files": "nofile", "memory": "as", "processes": "nproc", "core": "core"}
"""Names in the configuration, and those of prlimit(1)."""
_LEAST_ROOM = 64 << 10
"""Kilobytes of disk without which nothing is started."""


class RemoteProcesses:
    """The Runner protocol over processes of one host. releases: how versions come there."""

    def __init__(
        self, host: Host, program: HostedProgram, *, service: str, environment: str, releases: Releases | None = None
    ) -> None:
        self._host, self._program, self._target = host, program, (service, environment)
        self._releases = releases or Releases(host, program)
        self._known: frozenset[str] | None = None

    @property
    def _base(self) -> str:
        return folder_for(self._host.folder, *self._target)

    def found(self) -> tuple[Found, ...]:
        found = self._listed("ALL" if self._known is None else "STEADY")
        names = frozenset(one.name for one in found)
        if self._known is not None and self._known - names:
            # A record is missing: whether it was lost, the marks of processes tell.
            found = self._listed("ALL")
            names = frozenset(one.name for one in found)
        self._known = names
        return found

    def _listed(self, how: str) -> tuple[Found, ...]:
        answer = on_host.call(self._host, "list", self._base, how).decode(errors="replace")
        found = (_found(row.split()) for row in answer.splitlines())
        return tuple(sorted((one for one in found if one is not None), key=lambda one: one.number))

    def start(self, wanted: Wanted, fence: Fence) -> None:
        program = self._program.on(self._host, wanted.version, wanted.port, self._releases.folder(wanted.version))
        version = base64.b64encode(wanted.version.encode()).decode()
        place = (wanted.name, version, str(wanted.port), str(wanted.number))
        given = lines_of(program)
        answer = on_host.call(
            self._host, "start", self._base, *place, _limits_of(program), given=given, fence=fence
        ).decode(errors="replace")  # fmt: skip
        word, _, why = answer.strip().partition(" ")
        if word == "failed":
            raise _why_not(why, program)

    def stop(self, name: str, fence: Fence | None) -> None:
        patience = str(round(self._program.stop_timeout * 100))
        on_host.call(self._host, "stop", self._base, name, self._program.stop_signal, patience, fence=fence)
        if self._known is not None:
            self._known -= {name}

    def log(self, name: str, lines: int) -> tuple[str, ...]:
        said = on_host.call(self._host, "log", self._base, name, within=3.0).decode(errors="replace")
        return tuple(said.splitlines()[-lines:])

    def lacks(self, version: str) -> str:
        return lacks_to_start(self._host, self._program, version, self._base, self._releases)

    def prepare(self, version: str, fence: Fence) -> str:
        return self._releases.bring(self._base, version, fence)


def lacks_to_start(host: Host, asked: HostedProgram, version: str, base: str, releases: Releases) -> str:
    """What is not there to start a version; empty where nothing speaks against it. base: the service's folder there."""
    if problem := releases.lacks(base, version):
        return problem
    comes = bool(releases.folder(version)) and not releases.is_here(base, version)
    if comes:
        # Its own files come with it: only what is there without them can be looked at.
        asked = replace(asked, cwd="", command=("sh",) if "/" in asked.command[0] else asked.command)
    program = asked.on(host, version, folder="" if comes else releases.folder(version))
    script = "" if comes else script_of(asked.command)
    room = max(_LEAST_ROOM, releases.room_for(version) >> 10) if comes else _LEAST_ROOM
    needs = {"room": str(room), "script": script_of(program.command) if "{version}" in script else ""}
    answer = on_host.call(host, "check", base, given=lines_of(program, needs), within=5.0)
    word, _, detail = answer.decode(errors="replace").strip().partition(" ")
    return "" if word == "fine" else _sentence(word, detail, program, base)


def _found(fields: list[str]) -> Found | None:
    try:
        name, version, port, number, running, stopping, age, memory, cpu, detail = fields
        return Found(
            name=name,
            version=_decoded(version),
            port=int(port),
            number=int(number),
            running=running == "1",
            stopping=stopping == "1",
            age=int(age) / 100,
            memory=None if memory == "-" else int(memory),
            cpu=None if cpu == "-" else int(cpu) / 100,
            detail="" if detail == "-" else last_words(_decoded(detail).splitlines()),
        )
    except ValueError:
        return None


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode(errors="replace")


def _limits_of(program: HostedProgram) -> str:
    values = {name: "unlimited" if value < 0 else str(value) for name, value in program.limits.items()}
    return " ".join(f"--{_LIMITS[name]}={value}:{value}" for name, value in values.items())


def _why_not(word: str, program: HostedProgram) -> AdapterError:
    what = {
        "missing": f"{program.command[0]} does not exist there, or is not executable",
        "nofolder": f"the folder {program.cwd} does not exist there",
        "nouser": f"there is no user {program.user!r} there",
        "limits": f"the limits {dict(program.limits)} are more than the host allows",
        "noprlimit": "fleet.limits needs prlimit, which the host does not have",
        "nosetpriv": "fleet.user needs setpriv, which the host does not have",
    }.get(word)
    if what is None:
        return AdapterError(f"cannot start {program.command[0]!r}: its record or log could not be written ({word})")
    return NeverStarts(f"cannot start {program.command[0]!r}: {what}")


def _sentence(word: str, detail: str, program: HostedProgram, base: str) -> str:
    name = program.command[0]
    known = {
        "needs": f"{detail} is not installed there: the runner `process` needs it",
        "nouser": f"there is no user {program.user!r} there: create it, or correct fleet.user",
        "notroot": f"only root can start programs as {program.user}, and {detail} logs in: remove fleet.user, or log "
        "in as root",
        "full": f"the disk that holds {base} has {_megabytes(detail)} left: make room",
        "notfolder": f"{detail} is there and is not a folder: remove it, or correct ssh.folder",
        "notwritable": f"{detail} cannot be written by the user who logs in: correct its owner, or ssh.folder",
        "nofolder": f"the folder {program.cwd} does not exist there: put the version there, or correct fleet.cwd",
        "isfolder": f"{name} is a folder, not a program",
        "missing": f"{name} does not exist there: install it, or correct fleet.command",
        "notexecutable": f"{name} is not executable there; run `chmod +x {name}`",
        "notonpath": f"{name} is not on PATH there",
        "noscript": f"{script_of(program.command)} does not exist there: install it, or correct its name",
    }
    if word == "interpreter":
        return f"{name} needs {_decoded(detail)}, which does not exist there"
    return known.get(word) or f"cannot tell whether {name} can be started there: {word} {detail}".rstrip()


def _megabytes(kilobytes: str) -> str:
    return f"{int(kilobytes) >> 10} MB" if kilobytes.isdigit() else "no room"
