"""Tests a service's critical functions at each instance, directly, while a release is watched.

Each probe runs its rounds in a thread of its own, and every try has a timeout, so a hanging probe delays no look. The
results of a round are handed over together, so compared versions were probed at the same time.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from pilotage.adapters.environment import Environment
from pilotage.adapters.own_requests import SYNTHETIC_HEADER
from pilotage.adapters.placeholders import filled
from pilotage.adapters.ports import AdapterError
from pilotage.model.observation import ProbeResult
from pilotage.model.probe import Probe
from pilotage.model.text import line
from pilotage.model.traffic import artifact_of

_KEPT_UP = 5.0
"""Seconds after which probing ends unless it is requested again: with its worker or its rollout."""

_MOST_BODY = 64 * 1024
_MOST_TOLD = 200
_MOST_KEPT = 10_000
_AT_ONCE = 16
_PAUSE = 0.1
_HEADERS = {SYNTHETIC_HEADER: "1", "User-Agent": "pilotage-probe"}
_IN_PATHS = "/%:?[]@!$&'()*+,;=-._~"

Addresses = Mapping[str, Sequence[tuple[str, int]]]


class _ProbeFailed(Exception):
    """The message says what was expected and what came instead."""


class InstanceProbes:
    """The Probes port. cwd: where commands run."""

    def __init__(self, probes: Sequence[Probe], cwd: Path) -> None:
        self._probes, self._cwd = tuple(probes), cwd
        self._until = 0.0
        self._instances: tuple[tuple[str, str, int], ...] = ()
        self._results: deque[ProbeResult] = deque(maxlen=_MOST_KEPT)
        self._running: set[str] = set()
        self._lock = threading.Lock()

    def keep_up(self, instances: Addresses) -> None:
        with self._lock:
            self._until = time.monotonic() + _KEPT_UP
            self._instances = tuple((version, host, port) for version in instances for host, port in instances[version])
            for probe in self._probes:
                if probe.name not in self._running:
                    self._running.add(probe.name)
                    name = f"probe {probe.name}"
                    threading.Thread(target=self._go_rounds, args=(probe,), name=name, daemon=True).start()

    def stop(self) -> None:
        with self._lock:
            self._until = 0.0
            self._results.clear()

    def results(self) -> tuple[ProbeResult, ...]:
        with self._lock:
            found = tuple(self._results)
            self._results.clear()
        return found

    def _go_rounds(self, probe: Probe) -> None:
        due = time.monotonic()
        try:
            while self._goes_on(probe):
                if (left := due - time.monotonic()) > 0:
                    time.sleep(min(left, _PAUSE))
                    continue
                due = time.monotonic() + probe.every
                results = self._round(probe, self._instances)
                with self._lock:
                    if time.monotonic() < self._until:
                        self._results.extend(results)
        except BaseException:
            # Such as no more threads to be had: the next look starts it again.
            with self._lock:
                self._running.discard(probe.name)
            raise

    def _goes_on(self, probe: Probe) -> bool:
        with self._lock:
            if time.monotonic() < self._until:
                return True
            self._running.discard(probe.name)
            return False

    def _round(self, probe: Probe, instances: Sequence[tuple[str, str, int]]) -> list[ProbeResult]:
        """Every instance once, all at the same time."""
        results: list[ProbeResult] = []
        at, places = time.time(), threading.BoundedSemaphore(_AT_ONCE)

        def one(version: str, host: str, port: int) -> None:
            with places:
                detail = _tried(probe, version, host, port, self._cwd)
            results.append(ProbeResult(probe.name, version, f"{host}:{port}", not detail, detail, at))

        threads = [threading.Thread(target=one, args=instance, daemon=True) for instance in instances]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results


def _tried(probe: Probe, version: str, host: str, port: int, cwd: Path) -> str:
    """What came instead of what was wanted; empty when the probe passed."""
    try:
        if probe.http:
            _request(probe, host, port)
        else:
            _command(probe, version, host, port, cwd)
    except _ProbeFailed as failed:
        return line(str(failed), _MOST_TOLD)
    return ""


def _request(probe: Probe, host: str, port: int) -> None:
    """One GET, redirects not followed, cut off at the deadline however slowly the answer trickles in."""
    connection = http.client.HTTPConnection(host, port, timeout=probe.timeout)
    late, began = threading.Event(), time.monotonic()
    try:
        connection.connect()
        with _deadline(probe.timeout - (time.monotonic() - began), connection.sock, late):
            connection.request("GET", quote(probe.http, safe=_IN_PATHS), headers=_HEADERS)
            answer = connection.getresponse()
            body = answer.read(_MOST_BODY)
    except (OSError, http.client.HTTPException) as error:
        if late.is_set() or isinstance(error, TimeoutError):
            raise _ProbeFailed(f"{probe.http} did not respond within {probe.timeout:g} s") from None
        raise _ProbeFailed(f"{probe.http} did not respond: {_cause(error)}") from None
    finally:
        connection.close()
    if late.is_set():
        raise _ProbeFailed(f"{probe.http} did not respond within {probe.timeout:g} s")
    if answer.status != probe.status:
        raise _ProbeFailed(f"{probe.http} returned {answer.status} instead of {probe.status}")
    if probe.contains and probe.contains not in body.decode(errors="replace"):
        raise _ProbeFailed(f"{probe.http} returned {answer.status} without {probe.contains!r}")


@contextlib.contextmanager
def _deadline(seconds: float, connection: socket.socket, late: threading.Event) -> Iterator[None]:
    """Shut the connection down after `seconds`: a socket's own timeout starts again with every byte."""

    def cut() -> None:
        late.set()
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cause(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _command(probe: Probe, version: str, host: str, port: int, cwd: Path) -> None:
    """One run, with all its children gone at the deadline; what it says beyond 64 kB is dropped."""
    facts = {"version": artifact_of(version), "host": host, "port": str(port), "url": f"http://{host}:{port}"}
    command = [filled(part, facts) for part in probe.run]
    try:
        wanted = Environment(given=dict(probe.environment), passed=probe.pass_env)
        environment = wanted.resolved()
    except AdapterError as error:
        raise _ProbeFailed(f"cannot start {command[0]}: {error}") from None
    try:
        process = subprocess.Popen(
            command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise _ProbeFailed(f"cannot start {command[0]}: {getattr(error, 'strerror', None) or error}") from None
    status, first = _follow(process, probe.timeout)
    said = f": {wanted.without_secrets(first)}" if first else ""
    if status is None:
        raise _ProbeFailed(f"{command[0]} did not exit within {probe.timeout:g} s{said}")
    if status != 0:
        raise _ProbeFailed(f"{command[0]} exited with {status}{said}")


def _follow(process: subprocess.Popen[bytes], timeout: float) -> tuple[int | None, str]:
    """Exit status, None if it timed out, and its first line of output."""
    output = bytearray()

    def drain() -> None:
        assert process.stdout is not None
        with process.stdout as pipe:
            while chunk := os.read(pipe.fileno(), 65536):
                output.extend(chunk[: _MOST_BODY - len(output)])

    reader = threading.Thread(target=drain, daemon=True)
    reader.start()
    status: int | None
    try:
        status = process.wait(timeout)
    except subprocess.TimeoutExpired:
        status = None
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    # A grandchild in its own session may hold the pipe open for ever.
    reader.join(1.0)
    lines = bytes(output).decode(errors="replace").strip().splitlines()
    return status, lines[0] if lines else ""
