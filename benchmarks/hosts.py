"""A rolling update over many hosts: by Pilotage, by Ansible and by pyinfra, in one run.

`python benchmarks/hosts.py [--hosts 100] [--runs 3] [--only pilotage]`. Each host is a real sshd with an address, a
host key and a folder of its own on this machine, and serves one instance of a small web server (busybox). Each tool
brings a packed version to every host, stops the old instance, starts the new one, and waits until it is healthy: a
tenth of the hosts at a time, no batch before the one before is healthy. The peers are installed from PyPI into an
environment of their own, and set up as their documentation recommends for speed: Ansible with pipelining and as many
forks as a batch has hosts; pyinfra, which has no batches, once for each tenth. What Pilotage does on top stays in its
figures: it moves the requests of a load balancer away from each instance before it stops, and back afterwards.

wall: seconds from the command to its end · tool: seconds of processor time of the tool and of all its processes here,
with a worker and the clients of SSH · machine: seconds that all processors were busy, the hosts' part included ·
memory: what the processes of the tool had in memory at most, shared pages counted once (PSS). Median of the runs, and
the spread from the smallest to the largest.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.request
import venv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.ssh import Sshd, Sshds  # noqa: E402

PEERS = ("ansible-core==2.19.14", "pyinfra==3.10.0")
_PORT = 8080
_PAYLOAD = 1_000_000
"""Bytes of each version, as many as a small application has; they do not compress."""


@dataclass
class Ground:
    """The hosts, and the versions to bring to them."""

    place: Path
    count: int
    hosts: list[Sshd] = field(default_factory=list)

    @cached_property
    def sshds(self) -> Sshds:
        place = self.place / "ssh"
        place.mkdir(mode=0o700)
        found = Sshds(place)
        found.set_up()
        return found

    def set_up(self) -> None:
        for _ in range(self.count):
            self.hosts.append(self.sshds.start(extra=("Subsystem sftp internal-sftp",)))
        for version in self.versions:
            self._pack(version)

    @property
    def versions(self) -> Sequence[str]:
        return [f"v{number}" for number in range(20)]

    def packed(self, version: str) -> Path:
        return self.place / "packed" / f"shop-{version}.tar.gz"

    def _pack(self, version: str) -> None:
        folder = self.place / "made" / version
        folder.mkdir(parents=True)
        (folder / "healthz").write_text("ok")
        (folder / "index.html").write_text(version)
        (folder / "payload").write_bytes(os.urandom(_PAYLOAD))
        self.packed(version).parent.mkdir(exist_ok=True)
        with tarfile.open(self.packed(version), "w:gz", compresslevel=1) as tar:
            for file in sorted(folder.iterdir()):
                tar.add(file, file.name)

    def forget(self) -> None:
        """Every host as it was before: nothing runs on it, and Pilotage's folder and releases are gone."""
        for host in self.hosts:
            for process in host.running():
                with contextlib.suppress(psutil.Error):
                    process.kill()
            shutil.rmtree(host.home, ignore_errors=True)
            host.home.mkdir()


# ── what is measured ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Cost:
    wall: float
    tool: float
    machine: float
    memory: float
    """MiB."""


class Meter:
    """Watches the processes of a tool while it works."""

    def __init__(self, roots: Callable[[], Sequence[psutil.Process]]) -> None:
        self._roots, self._peak, self._over = roots, 0.0, threading.Event()
        self._times: dict[tuple[int, float], float] = {}
        self._before: dict[tuple[int, float], float] = {}
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Meter:
        self._sample()
        self._before, self._busy = dict(self._times), _busy()
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.monotonic() - self._began
        self._sample()
        self.machine = _busy() - self._busy
        self._over.set()
        self._thread.join()

    def cost(self, waited: float) -> Cost:
        """waited: seconds of processor time of the processes that this one waited for."""
        own = sum(spent - self._before.get(key, 0.0) for key, spent in self._times.items())
        return Cost(wall=self.wall, tool=waited or own, machine=self.machine, memory=self._peak / 2**20)

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            self._sample()

    def _sample(self) -> None:
        resident = 0.0
        for process in self._family():
            with contextlib.suppress(psutil.Error):
                times, key = process.cpu_times(), (process.pid, process.create_time())
                self._times[key] = times.user + times.system + times.children_user + times.children_system
                resident += process.memory_full_info().pss
        self._peak = max(self._peak, resident)

    def _family(self) -> Iterator[psutil.Process]:
        for root in self._roots():
            with contextlib.suppress(psutil.Error):
                yield root
                yield from root.children(recursive=True)


def _busy() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.system + times.nice + times.softirq + times.irq)


def _command(command: Sequence[str], cwd: Path, environment: dict[str, str]) -> Cost:
    """The cost of a command that does all of it in its own processes, which it waits for."""
    before = os.times()
    with (cwd / "said").open("wb") as said:
        process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=said, stderr=said)
        root = psutil.Process(process.pid)
        with Meter(lambda: [root]) as meter:
            status = process.wait()
    if status:
        raise SystemExit(f"{command[0]} ended with {status}: {(cwd / 'said').read_text()[-2000:]}")
    after = os.times()
    spent = after.children_user - before.children_user + after.children_system - before.children_system
    return meter.cost(spent)


# ── the tools ──────────────────────────────────────────────────────────────────────────────────────────────

_START = (
    "start-stop-daemon --start --background --make-pidfile --pidfile {home}/shop.pid --startas /bin/busybox"
    " -- httpd -f -p {address}:{port} -h {home}/releases/{version}"
)
_STOP = "start-stop-daemon --stop --oknodo --retry 10 --remove-pidfile --pidfile {home}/shop.pid"
"""As the init script of such a service."""


class Ansible:
    """`unarchive`, stop, start, and `uri` until it is healthy, with `serial`."""

    name = "Ansible"

    def __init__(self, ground: Ground, programs: Path) -> None:
        self._ground, self._programs, self._folder = ground, programs, ground.place / "ansible"
        self._folder.mkdir()
        batch = max(1, ground.count // 10)
        (self._folder / "ansible.cfg").write_text(
            f"[defaults]\nforks = {batch}\ngathering = explicit\nretry_files_enabled = false\n"
            "interpreter_python = /usr/bin/python3\n[ssh_connection]\npipelining = true\n"
            f"ssh_args = -F {ground.sshds.config_file} -o ControlMaster=auto -o ControlPersist=60s\n"
            f"control_path_dir = {ground.place}/cp\n"
        )
        hosts = {
            host.name: {"ansible_host": host.address, "ansible_port": host.port, "home": str(host.home)}
            for host in ground.hosts
        }
        (self._folder / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}))
        at = {"home": "{{ home }}", "address": "{{ ansible_host }}", "port": str(_PORT), "version": "{{ version }}"}
        play = {
            "hosts": "all", "serial": batch, "gather_facts": False, "max_fail_percentage": 0,
            "tasks": [
                {"file": {"path": "{{ home }}/releases/{{ version }}", "state": "directory"}},
                {"unarchive": {"src": "{{ packed }}", "dest": "{{ home }}/releases/{{ version }}"}},
                {"command": _STOP.format(**at)},
                {"command": _START.format(**at)},
                {
                    "uri": {"url": f"http://{at['address']}:{_PORT}/healthz"}, "register": "health",
                    "until": "health.status == 200", "retries": 50, "delay": 0.2,
                },
            ],
        }  # fmt: skip
        (self._folder / "rolling.json").write_text(json.dumps([play]))

    def update(self, version: str) -> Cost:
        command = [
            str(self._programs / "ansible-playbook"), "-i", "hosts.json", "rolling.json",
            "-e", f"version={version}", "-e", f"packed={self._ground.packed(version)}",
        ]  # fmt: skip
        path = f"{self._programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return _command(command, self._folder, {**os.environ, "PATH": path, "ANSIBLE_CONFIG": "ansible.cfg"})

    def end(self) -> None:
        pass


_OPERATIONS = """
from pyinfra import host
from pyinfra.operations import files, server

home, version, packed = host.data.home, host.data.version, host.data.packed
files.directory(name="folder", path=f"{home}/releases/{version}")
files.put(name="put", src=packed, dest=f"{home}/shop.tar.gz")
server.shell(name="replace", commands=[
    f"tar -xzf {home}/shop.tar.gz -C {home}/releases/{version}",
    host.data.stop, host.data.start,
    f"for i in $(seq 50); do busybox wget -qO /dev/null http://{host.data.at}/healthz && exit; sleep 0.2; done; exit 1",
])
"""


class Pyinfra:
    """`files.put`, then unpack, stop, start, and wait until it is healthy; once for each tenth of the hosts."""

    name = "pyinfra"

    def __init__(self, ground: Ground, programs: Path) -> None:
        self._ground, self._programs, self._folder = ground, programs, ground.place / "pyinfra"
        self._folder.mkdir()
        (self._folder / "replace.py").write_text(_OPERATIONS)

    def update(self, version: str) -> Cost:
        batch, hosts = max(1, self._ground.count // 10), self._ground.hosts
        groups = [hosts[start : start + batch] for start in range(0, len(hosts), batch)]
        for number, group in enumerate(groups):
            (self._folder / f"batch{number}.py").write_text(f"hosts = {[self._data(h, version) for h in group]!r}\n")
        each = " && ".join(f"{self._programs}/pyinfra -y batch{number}.py replace.py" for number in range(len(groups)))
        return _command(["/bin/sh", "-c", each], self._folder, dict(os.environ))

    def _data(self, host: Sshd, version: str) -> tuple[str, dict[str, object]]:
        at = {"home": host.home, "address": host.address, "port": _PORT, "version": version}
        return host.name, {
            "ssh_hostname": host.address, "ssh_port": host.port, "ssh_key": str(self._ground.sshds.key),
            "ssh_known_hosts_file": str(self._ground.sshds.known_hosts), "home": str(host.home), "version": version,
            "packed": str(self._ground.packed(version)), "start": _START.format(**at), "stop": _STOP.format(**at),
            "at": f"{host.address}:{_PORT}",
        }  # fmt: skip

    def end(self) -> None:
        pass


@contextlib.contextmanager
def _users(listen: str) -> Iterator[None]:
    """A hundred requests a second: without any user Pilotage holds a release, because nobody can judge it. Every one
    must be answered."""
    over, lost, answered = threading.Event(), list[str](), list[bytes]()

    def ask() -> None:
        while not over.wait(0.01):
            try:
                with urllib.request.urlopen(f"http://{listen}/", timeout=5) as answer:
                    answered[:] = [answer.read()]
            except OSError as error:
                if answered:  # before that, the first version has not started
                    lost.append(str(error))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert not lost, lost[:3]


class Pilotage:
    """`pilotage deploy` of a rolling release, with an Envoy that sends requests to every instance."""

    name = "Pilotage"

    def __init__(self, ground: Ground, _programs: Path) -> None:
        from pilotage.adapters.free_port import free_port

        self._folder = ground.place / "shop"
        self._folder.mkdir()
        self._listen = f"127.0.0.1:{free_port()}"
        hosts = {host.name: {"address": host.address, "port": host.port} for host in ground.hosts}
        for name, host in zip(hosts, ground.hosts, strict=True):
            hosts[name]["folder"] = str(host.folder)
        environment = {
            "fleet": {
                "kind": "ssh", "hosts": hosts, "count": ground.count, "health_check_path": "/healthz",
                "ssh": {"config_file": str(ground.sshds.config_file)},
                "artifact": {"source": f"{ground.place}/packed/shop-{{version}}.tar.gz"},
                "command": ["/bin/busybox", "httpd", "-f", "-p", "{host}:{port}", "-h", "."],
            },
            "router": {"kind": "envoy", "listen": self._listen},
            "overrides": {
                "approval.required": False, "checks.required": False, "analysis.min_requests": 1,
                "rolling.batch_size": "10%",
                "rolling.max_unavailable": "10%", "rolling.wait_time_between_batches": 0, "rolling.bake_duration": 0,
                "rolling.drain_duration": 0, "rollout.interval": "200ms",
            },
        }  # fmt: skip
        answers = {
            "release_type": "minor", "deployment_strategy": "rolling", "team_size": "small",
            "release_frequency": "weekly", "risk_tolerance": "high", "stakeholder_complexity": ["internal-only"],
        }  # fmt: skip
        whole = {"service": "shop", "answers": answers, "environments": {"production": environment}}
        (self._folder / "pilotage.yaml").write_text(json.dumps(whole, indent=2))

    def update(self, version: str) -> Cost:
        with _users(self._listen), Meter(self._processes) as meter, (self._folder / "said").open("wb") as said:
            done = subprocess.run(
                self._typed("deploy", version), cwd=self._folder, stdout=said, stderr=said, check=False
            )
        if done.returncode:
            raise SystemExit(
                f"pilotage deploy ended with {done.returncode}: {(self._folder / 'said').read_text()[-2000:]}"
            )
        with urllib.request.urlopen(f"http://{self._listen}/", timeout=5) as answer:
            assert answer.read().decode() == version
        return meter.cost(0)

    def end(self) -> None:
        subprocess.run(self._typed("down", "--yes"), cwd=self._folder, capture_output=True, check=False)

    @staticmethod
    def _typed(*arguments: str) -> list[str]:
        return [sys.executable, "-c", "from pilotage.cli.main import main; main()", *arguments]

    def _processes(self) -> list[psutil.Process]:
        """The command, the worker and its clients of SSH; not the Envoy, which the peers have no part of."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.cwd() == str(self._folder) and "envoy" not in process.name():
                    found.append(process)
        return found


# ── the run ────────────────────────────────────────────────────────────────────────────────────────────────

TOOLS: Sequence[Callable[[Ground, Path], Pilotage | Ansible | Pyinfra]] = (Pilotage, Ansible, Pyinfra)


def peers_in(place: Path) -> Path:
    """The programs of the peers, installed once."""
    if not (place / "bin" / "pyinfra").exists():
        venv.create(place, with_pip=True)
        subprocess.run([place / "bin" / "pip", "install", "-q", *PEERS], check=True)
    return place / "bin"


def measured(
    ground: Ground, make: Callable[[Ground, Path], Pilotage | Ansible | Pyinfra], runs: int, programs: Path
) -> str:
    """A row of the table."""
    ground.forget()
    tool, versions = make(ground, programs), iter(ground.versions)
    try:
        tool.update(next(versions))  # the first version starts where nothing ran
        costs = [tool.update(next(versions)) for _ in range(runs)]
    finally:
        tool.end()

    def shown(values: list[float], digits: int) -> str:
        return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"

    return (
        f"| {tool.name} | {shown([c.wall for c in costs], 1)} | {shown([c.tool for c in costs], 1)} "
        f"| {shown([c.machine for c in costs], 1)} | {shown([c.memory for c in costs], 0)} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", choices=[make.name.lower() for make in (Pilotage, Ansible, Pyinfra)])
    parser.add_argument("--peers", type=Path, help="Folder for the peers' programs, kept for the next run.")
    options = parser.parse_args()
    for needed in ("sshd", "ssh", "busybox", "start-stop-daemon"):
        if not shutil.which(needed, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"):
            raise SystemExit(f"{needed} is not installed")
    with tempfile.TemporaryDirectory(prefix="hosts", dir="/tmp") as place:
        programs = peers_in(options.peers or Path(place) / "peers")
        ground = Ground(Path(place), options.hosts)
        print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, {', '.join(PEERS)}")
        print(f"{options.hosts} hosts, batches of {max(1, options.hosts // 10)}, {options.runs} runs\n")
        print("| tool | wall, s | tool, s | machine, s | memory, MiB |\n|---|---|---|---|---|", flush=True)
        try:
            ground.set_up()
            for make in TOOLS:
                if options.only in (None, make.name.lower()):  # type: ignore[attr-defined]
                    print(measured(ground, make, options.runs, programs), flush=True)
        finally:
            ground.sshds.end()


if __name__ == "__main__":
    main()
