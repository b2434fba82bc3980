"""The Router port over an HAProxy of our own.

HAProxy cannot add backends while it runs, so it starts with eight of them, called slots. Three maps say what they
mean: which version a slot stands for, which slot each of 1,000 buckets of users goes to, and whether the service is
closed. A map is replaced in one transaction. What HAProxy itself says of its maps and servers is the truth; nothing
else is kept.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, unquote

import psutil

from pilotage.ports import WHOLE, AdapterError, Backends, Fence, Split
from pilotage_haproxy.admin import Admin
from pilotage_haproxy.configuration import SLOTS, configuration

_ENDS_WITHIN = 5.0


class HAProxyRouter:
    """directory: for its configuration, maps and socket · listen: `host:port` of users · cookie: None to spread
    requests."""

    def __init__(
        self, directory: Path, fence: Fence, *, listen: str, cookie: str | None, program: str = "haproxy"
    ) -> None:
        self._directory, self._fence = directory.resolve(), fence
        self._listen, self._cookie, self._program = listen, cookie, program
        self._admin = Admin(self._directory / "admin.sock")
        self._asked_to_end = 0.0

    def url(self) -> str:
        host, _, port = self._listen.rpartition(":")
        return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"

    def apply(self, split: Split, backends: Backends) -> None:
        self._fence.check()
        if split.header_routes or split.mirror or split.cohort:
            raise AdapterError("this router has neither header routes, cohorts nor a mirror")
        wanted = [] if split.closed else [version for version, _ in split.weights]
        if missing := [version for version in wanted if not backends.get(version)]:
            raise AdapterError(f"no instance of {missing[0]} to send requests to")
        if not self._admin.answers():
            self._start()
        self.change(split, backends)

    def change(self, split: Split, backends: Backends) -> None:
        """Tell an HAProxy that runs; nobody asks the fence here. Raises AdapterError."""
        slots = self._slots_for([*backends, *(version for version, _ in split.weights)])
        # Who gets more comes first: every instance is there before a request can reach it.
        for version, addresses in backends.items():
            self._serve(slots[version], addresses)
        self._admin.replace_map(self._map("split"), _buckets(split, slots))
        self._admin.replace_map(self._map("state"), {"closed": "yes" if split.closed else "no"})
        for version, addresses in backends.items():
            self._drop_others(slots[version], addresses)
        for slot in set(SLOTS) - {slots[version] for version in backends}:
            self._drop_others(slot, [])

    def read(self) -> Split | None:
        if not self._was_told():
            return None
        names, counts = self._versions(), dict[str, int]()
        for _, slot in sorted((int(bucket), slot) for bucket, slot in self._admin.map(self._map("split")).items()):
            counts[slot] = counts.get(slot, 0) + 1
        if not counts:
            return None
        try:
            weights = tuple((names[slot], count) for slot, count in counts.items())
            return Split(weights, closed=self._admin.map(self._map("state")).get("closed") == "yes")
        except (KeyError, ValueError) as error:
            raise AdapterError(f"HAProxy has maps that Pilotage did not write: {error}") from None

    def endpoints(self) -> Mapping[str, frozenset[tuple[str, int]]] | None:
        if not self._was_told():
            return None
        found = {version: self._admin.servers(slot) for slot, version in self._versions().items()}
        serving = {v: frozenset(one.address for one in servers if one.up) for v, servers in found.items()}
        return {version: addresses for version, addresses in serving.items() if addresses}

    def stop(self) -> None:
        self._fence.check()
        while self.ask_to_end(_ENDS_WITHIN):
            time.sleep(0.02)

    def runs(self) -> bool:
        return bool(self._processes())

    def ask_to_end(self, within: float) -> bool:
        """Ask it to end, by force `within` seconds after the first call; whether it still runs. Its files go, too."""
        self._asked_to_end = self._asked_to_end or time.monotonic()
        force = time.monotonic() - self._asked_to_end > within
        left = self._processes()
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGKILL if force else signal.SIGTERM)
        if left:
            return True
        if self._directory.exists():
            for name in ("admin.sock", "haproxy.cfg", "haproxy.pid", "split.map", "state.map", "versions.map"):
                (self._directory / name).unlink(missing_ok=True)
        return False

    # ── the process ────────────────────────────────────────────────────────────────────────────────────────

    def _was_told(self) -> bool:
        return (self._directory / "haproxy.cfg").exists()

    def _start(self) -> None:
        """A new HAProxy, in the place of one that does not answer. Raises AdapterError."""
        for silent in self._processes():
            silent.kill()
            silent.wait(_ENDS_WITHIN)
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in ("split", "state", "versions"):
            self._map(name).write_text("")
        file = self._directory / "haproxy.cfg"
        file.write_text(configuration(self._directory, self._listen, self._cookie))
        command = [self._program, "-D", "-f", str(file), "-p", str(self._directory / "haproxy.pid")]
        environment = {name: os.environ[name] for name in ("PATH", "TZ", "LANG") if name in os.environ}
        try:
            subprocess.run(
                command,
                check=True,
                capture_output=True,
                timeout=10,
                cwd=self._directory,
                env=environment,
                start_new_session=True,
            )
        except subprocess.CalledProcessError as error:
            words = [line for line in error.stderr.decode(errors="replace").splitlines() if "[ALERT]" in line]
            raise AdapterError(f"HAProxy does not start: {' '.join(words[:2])}") from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise AdapterError(f"HAProxy cannot be started: {error}") from None
        until = time.monotonic() + _ENDS_WITHIN
        while not self._admin.answers():
            if time.monotonic() > until:
                raise AdapterError("HAProxy was started and does not answer at its admin socket")
            time.sleep(0.01)

    def _processes(self) -> list[psutil.Process]:
        """Ours, by the configuration in its command line; by its record where there is one, else among all."""
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            recorded = psutil.Process(int((self._directory / "haproxy.pid").read_text()))
            if self._is_ours(recorded):
                return [recorded]
        return [one for one in psutil.process_iter() if self._is_ours(one)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            mine = str(self._directory / "haproxy.cfg") in process.cmdline()
            return mine and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    # ── slots and servers ──────────────────────────────────────────────────────────────────────────────────

    def _map(self, name: str) -> Path:
        return self._directory / f"{name}.map"

    def _versions(self) -> dict[str, str]:
        """Which version a slot stands for."""
        return {slot: unquote(name) for slot, name in self._admin.map(self._map("versions")).items()}

    def _slots_for(self, versions: Sequence[str]) -> dict[str, str]:
        """The slot of each version; a new one takes a slot that nobody is sent to any more. Raises AdapterError."""
        wanted = list(dict.fromkeys(versions))
        slots = {name: slot for slot, name in self._versions().items()}
        routed = set(self._admin.map(self._map("split")).values())
        for version in wanted:
            if version in slots:
                continue
            taken = {slot for name, slot in slots.items() if name in wanted} | routed
            free = next((one for one in SLOTS if one not in taken and not self._admin.servers(one)), None)
            if free is None:
                raise AdapterError(f"{len(SLOTS)} versions at once are the most: wait until an old one is drained")
            slots = {name: slot for name, slot in slots.items() if slot != free} | {version: free}
            self._admin.set_map(self._map("versions"), free, quote(version, safe=""))
        return {version: slots[version] for version in wanted}

    def _serve(self, slot: str, addresses: Sequence[tuple[str, int]]) -> None:
        there = {one.address: one for one in self._admin.servers(slot)}
        for address in addresses:
            if address not in there:
                self._admin.add_server(slot, address)
            elif not there[address].up:
                self._admin.enable_server(slot, there[address].name)

    def _drop_others(self, slot: str, addresses: Sequence[tuple[str, int]]) -> None:
        """No new request goes to any other address; one that still has requests in flight is removed a later time."""
        for one in self._admin.servers(slot):
            if one.address not in addresses:
                self._admin.remove_server(slot, one.name)


def _buckets(split: Split, slots: Mapping[str, str]) -> dict[str, str]:
    """Slot by bucket, in the split's order: a version whose weight grows keeps the buckets that it had."""
    order = [slot for version, weight in split.weights for slot in [slots[version]] * weight]
    assert len(order) == WHOLE
    return {str(bucket): slot for bucket, slot in enumerate(order)}
