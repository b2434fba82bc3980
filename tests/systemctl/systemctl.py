"""`systemctl` as far as Pilotage uses it: enable PATH, disable, start, stop --no-block, show --property, reset-failed,
daemon-reload and --version. Each unit has a supervisor of its own in the place of the manager."""

from __future__ import annotations

import json
import os
import pwd
import resource
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.systemctl.unit import STATE, Unit, load, refuse

_LIMITS = {"LimitNOFILE": "NOFILE", "LimitAS": "AS", "LimitNPROC": "NPROC", "LimitCORE": "CORE"}
_CLEAN = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE)
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_HERTZ = os.sysconf("SC_CLK_TCK")


def main(arguments: list[str]) -> None:
    if arguments == ["--version"]:
        print("systemd 252 (a stand-in of Pilotage's tests)")
        return
    if arguments[:1] == ["supervise"]:
        Supervisor(load(arguments[1])).run()
        return
    if arguments[:1] not in (["--system"], ["--user"]):
        refuse(f"not understood: {arguments}")
    match arguments[1:]:
        case ["daemon-reload"]:
            pass
        case ["enable", path] if path.startswith("/"):
            link = STATE / "links" / Path(path).name
            link.parent.mkdir(parents=True, exist_ok=True)
            if not Path(path).is_file():
                refuse(f"Failed to enable unit: Unit file {path} does not exist.")
            link.unlink(missing_ok=True)
            link.symlink_to(path)
            load(link.name)
        case ["disable", name]:
            (STATE / "links" / name).unlink(missing_ok=True)
            state_file(name).unlink(missing_ok=True)
        case ["start", name]:
            start(load(name))
        case ["stop", "--no-block", name]:
            load(name)
            if pid := state_of(name).get("supervisor"):
                os.kill(int(pid), signal.SIGTERM)
        case ["reset-failed", name]:
            if state_of(name).get("ActiveState") != "failed":
                refuse(f"Failed to reset failed state of unit {name}: Unit {name} not loaded.")
            write(name, {**state_of(name), "ActiveState": "inactive"})
        case ["show", properties, *names] if properties.startswith("--property=") and names:
            print("\n\n".join(shown(name, properties.partition("=")[2].split(",")) for name in names))
        case other:
            refuse(f"not understood: {other}")


def start(unit: Unit) -> None:
    """As `Type=exec` has it: it has started once the program was executed."""
    if state_of(unit.name).get("ActiveState") in ("active", "deactivating"):
        return
    state_file(unit.name).unlink(missing_ok=True)
    subprocess.Popen(
        [sys.executable, "-S", "-E", __file__, "supervise", unit.name], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    for _ in range(1000):
        if state := state_of(unit.name):
            if state["ActiveState"] == "failed":
                refuse(f"Job for {unit.name} failed because the control process exited with error code.")
            return
        time.sleep(0.01)
    refuse("timed out")


class Supervisor:
    """Of one unit, from its start to the end of all its processes."""

    def __init__(self, unit: Unit) -> None:
        self._unit, self._invocation = unit, uuid.uuid4().hex
        self._asked = 0.0
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, *_: object) -> None:
        self._asked = self._asked or time.monotonic()

    def run(self) -> None:
        unit = self._unit
        journal = STATE / "journal" / unit.name
        journal.parent.mkdir(parents=True, exist_ok=True)
        if (early := self._cannot()) is not None:
            self._write("failed", 0, "exit-code", early)
            return
        environment = {
            "PATH": _PATH, "INVOCATION_ID": self._invocation,
            "PILOTAGE_TEST_HOST": os.environ["PILOTAGE_TEST_HOST"], **unit.variables,
        }  # fmt: skip
        self._began = time.monotonic()
        try:
            with journal.open("ab") as log:
                process = subprocess.Popen(
                    unit.command, cwd=unit.folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    start_new_session=True, preexec_fn=self._limit, user=unit.settings.get("User"),
                )  # fmt: skip
        except OSError:
            self._write("failed", 0, "exit-code", 203)
            return
        self._write("active", process.pid, "success", 0)
        self._watch(process)

    def _cannot(self) -> int | None:
        if not Path(self._unit.folder).is_dir():
            return 200
        user = self._unit.settings.get("User")
        if user and user not in {one.pw_name for one in pwd.getpwall()}:
            return 217
        return None

    def _limit(self) -> None:
        for name, of in _LIMITS.items():
            if (given := self._unit.settings.get(name)) is not None:
                value = resource.RLIM_INFINITY if given == "infinity" else int(given)
                resource.setrlimit(getattr(resource, f"RLIMIT_{of}"), (value, value))

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        told, killed = False, False
        while process.poll() is None or self._group():
            if self._asked and not told:
                self._write("deactivating", process.pid, "success", 0)
                self._signal(getattr(signal, self._unit.settings["KillSignal"]))
                told = True
            if process.poll() is not None and not self._asked:
                # The main process ended: systemd stops what is left of its control group.
                self._asked = time.monotonic()
            if self._asked and time.monotonic() - self._asked >= self._unit.stop_after:
                killed = killed or process.poll() is None
                self._signal(signal.SIGKILL)
            time.sleep(0.02)
        status = process.returncode
        if killed:
            self._write("failed", 0, "timeout", int(signal.SIGKILL))
        elif status == 0 or (status < 0 and -status in _CLEAN):
            self._write("inactive", 0, "success", abs(status))
        else:
            self._write("failed", 0, "signal" if status < 0 else "exit-code", abs(status))

    def _group(self) -> list[int]:
        return of_invocation(self._invocation)

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._group():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    def _write(self, state: str, pid: int, result: str, status: int) -> None:
        began = int(getattr(self, "_began", 0.0) * 1e6)
        write(self._unit.name, {
            "Id": self._unit.name, "ActiveState": state, "MainPID": pid, "Result": result, "ExecMainStatus": status,
            "ExecMainCode": 0 if pid else 1, "ExecMainStartTimestampMonotonic": began, "supervisor": os.getpid() if pid
            else 0, "invocation": self._invocation,
        })  # fmt: skip


def of_invocation(invocation: str) -> list[int]:
    """The processes of a unit, which the real one knows by its control group."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if f"INVOCATION_ID={invocation}".encode() in (place / "environ").read_bytes().split(b"\0"):
                found += [int(place.name)] if b") Z " not in (place / "stat").read_bytes() else []
        except OSError:
            continue
    return found


def shown(name: str, properties: list[str]) -> str:
    state = state_of(name) or {"Id": name, "ActiveState": "inactive", "Result": "success", "MainPID": 0}
    memory, ticks = 0, 0
    for pid in of_invocation(str(state.get("invocation", "none"))):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        memory += int(fields[21]) * resource.getpagesize()
        ticks += int(fields[11]) + int(fields[12])
    used = {"MemoryCurrent": memory or "[not set]", "CPUUsageNSec": ticks * 10**9 // _HERTZ}
    everything = {"ExecMainStatus": 0, "ExecMainCode": 0, "ExecMainStartTimestampMonotonic": 0, **used, **state}
    if unknown := [one for one in properties if one not in everything]:
        refuse(f"not understood: {unknown}")
    return "\n".join(f"{one}={everything[one]}" for one in properties)


def state_file(name: str) -> Path:
    return STATE / "states" / f"{name}.json"


def state_of(name: str) -> dict[str, str | int]:
    try:
        found: dict[str, str | int] = json.loads(state_file(name).read_text())
    except FileNotFoundError:
        return {}
    if found["ActiveState"] in ("active", "deactivating") and not Path(f"/proc/{found['supervisor']}").exists():
        return {**found, "ActiveState": "failed", "MainPID": 0}
    return found


def write(name: str, state: dict[str, str | int]) -> None:
    file = state_file(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(f".{os.getpid()}")
    beside.write_text(json.dumps(state))
    beside.replace(file)


if __name__ == "__main__":
    main(sys.argv[1:])
