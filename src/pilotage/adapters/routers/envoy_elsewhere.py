"""An Envoy on another host: its files are placed over SSH by rename, and its admin interface is asked there by curl.

The same files as on this machine, so Envoy serves on when the worker, the store and the network between are gone. Its
process is started, found again and fenced on the host by the script that runs instances there.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Collection, Hashable
from dataclasses import dataclass
from pathlib import Path

from pilotage.adapters.envoy_admin import ADMIN_SOCKET
from pilotage.adapters.fence import Fence
from pilotage.adapters.files import read_leniently, write_json
from pilotage.adapters.hosts.host import Host
from pilotage.adapters.hosts.hosted_program import HostedProgram, folder_for
from pilotage.adapters.hosts.place import host_in
from pilotage.adapters.hosts.ports_there import listening_ports
from pilotage.adapters.hosts.remote_processes import RemoteProcesses
from pilotage.adapters.hosts.runner import Wanted
from pilotage.adapters.http import json_of
from pilotage.adapters.logs import LAST_WORDS, last_words
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.envoy_far_files import FarFiles
from pilotage.adapters.routers.envoy_found import ELSEWHERE
from pilotage.adapters.routers.envoy_listener import bootstrap
from pilotage.adapters.routers.envoy_place import BOOTSTRAP
from pilotage.model.address import EVERYWHERE
from pilotage.model.finding import Finding
from pilotage.model.json import JsonObject, WrongJson, each, find, object_at, text_at

_WATCHED = "xds/watched"
_START_DEADLINE = 15.0
_MOST_CONNECTIONS = 50_000
_GRACE = 5.0
"""Seconds that a host has to stop Envoy, next to the time that Envoy has itself."""
_NO_PROGRAM = 127
_LIMIT = "ulimit -Hn"
_NAMED = ("service", "environment", "router", "program")


@dataclass(frozen=True, kw_only=True)
class Whose:
    """service, environment: of the router · router: name of its folder, for several of one environment · program: path
    or name of Envoy on the host · stop_timeout: seconds until it is killed."""

    service: str
    environment: str
    router: str
    program: str = "envoy"
    stop_timeout: float = 5.0


class EnvoyElsewhere:
    """The EnvoyPlace on another host. directory: the router's own on this machine · record: of the host, for those who
    find the router by its folder · fence: None for a way back without one."""

    keeps_logs = False

    def __init__(self, directory: Path, host: Host, whose: Whose, fence: Fence | None, record: JsonObject) -> None:
        self.lock, self._host, self._whose, self._fence, self._record = directory, host, whose, fence, record
        self._finder: RemoteProcesses | None = None
        self._told = False
        self._made: FarFiles | None = None

    @property
    def _folder(self) -> str:
        whose = self._whose
        # A dot is in no service's name.
        return folder_for(self._host.folder, f"{whose.service}.{whose.router}", whose.environment)

    def _runner(self, open_files: int = 0) -> RemoteProcesses:
        folder, whose = self._folder, self._whose
        command = (whose.program, "-c", f"{folder}/{BOOTSTRAP}", "--disable-hot-restart", "--log-level", "warning")
        program = HostedProgram(
            command=command,
            cwd=folder,
            limits={"open_files": open_files} if open_files else {},
            stop_timeout=whose.stop_timeout,
        )
        return RemoteProcesses(
            self._host, program, service=f"{whose.service}.{whose.router}", environment=whose.environment
        )

    # ── files ──────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _files(self) -> FarFiles:
        """Not before somebody needs them: the folder may be in the home of the user who logs in."""
        if self._made is None:
            self._made = FarFiles(self._host, self._folder, self._fence)
        return self._made

    def begin(self) -> None:
        if read_leniently(self.lock / ELSEWHERE) != self._record:
            write_json(self.lock / ELSEWHERE, self._record)
        self._files.begin()

    def reached(self, host: str) -> str:
        return self._host.address if host in EVERYWHERE else host

    def read(self, name: str) -> JsonObject | None:
        return self._files.read(name)

    def write(self, name: str, content: bytes) -> None:
        self._files.write(name, content)

    def has(self, names: Collection[str]) -> bool:
        return self._files.has(names)

    def remove_others(self, folder: str, kept: Collection[str]) -> None:
        self._files.remove_others(folder, kept)

    def signature(self, path: str) -> Hashable:
        return self._files.signature(path)

    def content(self, path: str) -> bytes:
        return self._files.content(path)

    def was_told(self) -> bool:
        # Every look asks this; what another controller stopped shows as one that does not answer.
        self._told = self._told or self._files.listed("xds/rds.json")
        return self._told

    def examined(self) -> Finding:
        """Whether what Envoy needs is on the host."""
        program = self._whose.program
        try:
            for needed, option in (("curl", "--version"), (program, "--version")):
                done = self._host.run([needed, option])
                if done.status:
                    why = "is not installed" if done.status == _NO_PROGRAM else f"does not run: {done.said}"
                    return Finding(
                        "FAIL", "Envoy", f"{needed} {why} on {self._host.name}: install it, or name its path"
                    )
        except AdapterError as error:
            return Finding("FAIL", "Envoy", str(error))
        version = done.out.decode(errors="replace").strip().rpartition("version: ")[2].split("/")[1:2]
        return Finding("PASS", "Envoy", f"{''.join(version)} on {self._host.name}")

    # ── the process ────────────────────────────────────────────────────────────────────────────────────────

    def get(self, path: str, timeout: float = 2.0) -> bytes:
        command = [
            "curl", "--silent", "--show-error", "--max-time", f"{timeout:g}", "--unix-socket", ADMIN_SOCKET,
            "--write-out", "\n%{http_code}", f"http://envoy{path}",
        ]  # fmt: skip
        done = self._host.run(command, cwd=self._folder, within=timeout + 5)
        if done.status == _NO_PROGRAM:
            raise AdapterError(f"curl is not installed on {self._host.name}, and asks Envoy there: install it")
        body, _, status = done.out.rpartition(b"\n")
        if done.status or status != b"200":
            said = done.said if done.status else f"it answers {status.decode(errors='replace')[:20]}"
            raise AdapterError(f"Envoy's admin interface on {self._host.name} does not answer: {said}")
        return body

    def running(self) -> Hashable | None:
        self._finder = self._finder or self._runner()
        found = [one for one in self._finder.found() if one.running and not one.stopping]
        if not found:
            return None
        if not self.has([BOOTSTRAP, _WATCHED]):
            # It cannot be controlled any more: somebody removed its files.
            self._end()
            return None
        return found[-1].name

    def started_with(self) -> JsonObject | None:
        if (found := self.read(BOOTSTRAP)) is not None:
            return found
        try:
            dump = each(object_at, json_of(self.get("/config_dump"), "Envoy"), "configs")
            return next((object_at(part, "bootstrap") for part in dump if "bootstrap" in part), None)
        except (AdapterError, WrongJson):
            return None

    def refuse_taken(self, at: tuple[str, int]) -> None:
        if at[1] in listening_ports(self._host):
            raise AdapterError(
                f"the router cannot listen on port {at[1]} of {self._host.name}, where another process listens. Stop "
                "that, or give router.listen another port"
            )

    def prepare(self) -> None:
        listener = f"users-{uuid.uuid4().hex}"
        files = self._open_files()
        content = bootstrap(listener, max(100, min(_MOST_CONNECTIONS, files // 2 - 200)))
        self.write(BOOTSTRAP, json.dumps(content, indent=1, sort_keys=True).encode())
        self.write(_WATCHED, listener.encode())
        self._files.run(["rm", "-f", "--", f"{self._folder}/{ADMIN_SOCKET}"], fence=self._fence)

    def start(self) -> Hashable:
        runner, fence = self._runner(self._open_files()), self._fence or Fence(self.lock / "fence.json", 0)
        there = runner.found()
        for one in there:
            if not one.running:
                runner.stop(one.name, fence)
        number = max((one.number for one in there), default=0) + 1
        name = f"envoy-{number}"
        runner.start(Wanted(name=name, version="envoy", number=number, port=0), fence)
        until = time.monotonic() + _START_DEADLINE
        while time.monotonic() < until:
            if self._is_live():
                if self.get("/listeners").strip():
                    return name
                self._end()
                raise AdapterError(f"Envoy on {self._host.name} cannot listen: {_last_words(runner, name)}")
            if not any(one.name == name and one.running for one in runner.found()):
                raise AdapterError(f"Envoy on {self._host.name} exited at once: {_last_words(runner, name)}")
            time.sleep(0.05)
        raise AdapterError(f"Envoy on {self._host.name} is not ready after {_START_DEADLINE:g} s")

    def stop(self) -> None:
        self._end()
        self._files.clear()
        self._told = False
        self.forget()

    def forget(self) -> None:
        """Nothing of it is found by this folder any more."""
        (self.lock / ELSEWHERE).unlink(missing_ok=True)

    def end(self) -> bool:
        """Ask the process to stop, and kill it if that was longer ago than its time. Returns whether it may still run;
        repeat the call until it does not."""
        self._finder = self._finder or self._runner()
        found = self._finder.found()
        for one in found:
            self._finder.stop(one.name, self._fence)
        return bool(found)

    def _end(self) -> None:
        until = time.monotonic() + self._whose.stop_timeout + _GRACE
        while self.end():
            if time.monotonic() > until:
                raise AdapterError(f"Envoy on {self._host.name} is still running")
            time.sleep(0.05)

    def _is_live(self) -> bool:
        try:
            return find(json_of(self.get("/server_info", 1.0), "Envoy"), "state") == "LIVE"
        except AdapterError:
            return False

    def _open_files(self) -> int:
        """Files that Envoy can have open at a time there."""
        said = self._files.run(["/bin/sh", "-c", _LIMIT]).decode(errors="replace").strip()
        return min(int(said), 1 << 20) if said.isdigit() else 1 << 20


def record_for(whose: Whose, host: JsonObject) -> JsonObject:
    """What `elsewhere` needs. host: as `record_of` made it."""
    return {"host": host, **{name: getattr(whose, name) for name in _NAMED}}


def elsewhere(directory: Path) -> EnvoyElsewhere | None:
    """The Envoy that was last told from this folder; None if the record of it cannot be read."""
    record = read_leniently(directory / ELSEWHERE)
    try:
        host = host_in(object_at(record, "host"), directory)
        service, environment, router, program = (text_at(record, name) for name in _NAMED)
    except ValueError:
        return None
    whose = Whose(service=service, environment=environment, router=router, program=program)
    return EnvoyElsewhere(directory, host, whose, None, object_at(record))


def _last_words(runner: RemoteProcesses, name: str) -> str:
    return last_words(runner.log(name, LAST_WORDS))
