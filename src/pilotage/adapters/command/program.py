"""Calls a program: a JSON object in, a JSON object out, an exit status, a deadline. No shell."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from pilotage.adapters.environment import Environment
from pilotage.adapters.outgoing import Undelivered
from pilotage.adapters.ports import AdapterError, Fenced
from pilotage.model.json import Json, JsonObject
from pilotage.model.text import line

FORMAT = 1
"""Of the request; raised when a field changes its meaning."""
FENCED = 3
"""Exit status: another controller has taken over the target, so this one must stop changing it."""
REFUSED = 4
"""Exit status of a notifier: the receiver will never take this message."""
_MOST = 4 << 20
"""Bytes of an answer."""
_TOLD = 300


class Program:
    """One configured program. command: its argument list · deadline: seconds for one call."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Environment, deadline: float) -> None:
        self._command, self._folder, self._environment = tuple(command), folder, environment
        self._deadline = deadline

    def without_secrets(self, text: str) -> str:
        """What it said, for people and records."""
        return self._environment.without_secrets(text)

    def call(self, request: JsonObject) -> JsonObject:
        """Its answer; empty where it printed nothing. Raises AdapterError, Fenced, Undelivered (permanent)."""
        return _answer(self.printed(request, _MOST), self._command[0])

    def printed(self, request: JsonObject, most: int) -> bytes:
        """What it wrote to its standard output, at most so many bytes. Raises as `call`."""
        name = self._command[0]
        try:
            process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._environment.resolved(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise AdapterError(f"cannot start {name}: {getattr(error, 'strerror', None) or error}") from None
        with process:
            sent = json.dumps({"pilotage": FORMAT, **request}).encode()
            said, complained, late = _talk(process, sent, self._deadline, most)
        if late:
            raise AdapterError(f"{name} {late} and was killed")
        words = line(self.without_secrets(complained.decode(errors="replace")).strip().rpartition("\n")[2], _TOLD)
        if process.returncode == FENCED:
            raise Fenced(words or f"{name} reports that another controller has taken over")
        if process.returncode:
            sentence = f"{name} exited with {process.returncode}{f': {words}' if words else ''}"
            raise Undelivered(sentence, permanent=True) if process.returncode == REFUSED else AdapterError(sentence)
        return said


def _answer(said: bytes, name: str) -> JsonObject:
    try:
        answer: Json = json.loads(said) if said.strip() else {}
    except (ValueError, RecursionError) as error:
        raise AdapterError(f"{name} did not return JSON: {error}") from None
    if not isinstance(answer, dict):
        raise AdapterError(f"{name} returned {type(answer).__name__} instead of a JSON object")
    return answer


def _talk(process: subprocess.Popen[bytes], sent: bytes, deadline: float, most: int) -> tuple[bytes, bytes, str]:
    """Standard output, standard error, and what was wrong with its behaviour. Afterwards its process group is killed. A
    process that it left running may keep the output open, so reading stops when the program itself has ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    until, said, complained = time.monotonic() + deadline, bytearray(), bytearray()
    heard = {process.stdout.fileno(): said, process.stderr.fileno(): complained}
    os.set_blocking(process.stdin.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdin, selectors.EVENT_WRITE)
        for descriptor in heard:
            selector.register(descriptor, selectors.EVENT_READ)
        while any(descriptor in selector.get_map() for descriptor in heard):
            if (left := until - time.monotonic()) <= 0:
                return bytes(said), bytes(complained), _ended(process, f"timed out after {deadline:g} s")
            has_ended = process.poll() is not None  # before the look: afterwards it may have written, and then ended
            ready = selector.select(0.0 if has_ended else min(left, 0.1))
            if has_ended and not ready:
                break
            for key, _ in ready:
                if key.fileobj is process.stdin:
                    if not (sent := _written(process.stdin, sent)):
                        selector.unregister(process.stdin)
                        _closed(process.stdin)
                elif chunk := os.read(key.fd, 65536):
                    heard[key.fd] += chunk
                else:
                    selector.unregister(key.fd)
            if max(len(said), len(complained)) > most:
                return b"", b"", _ended(process, f"wrote more than {most >> 20} MB")
    _closed(process.stdin)
    try:
        process.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        return bytes(said), bytes(complained), _ended(process, f"did not exit within {deadline:g} s")
    return bytes(said), bytes(complained), ""


def _written(stream: IO[bytes], sent: bytes) -> bytes:
    """What is left to be written; nothing where the program does not want it."""
    try:
        return sent[os.write(stream.fileno(), sent) :]
    except BlockingIOError:
        return sent
    except OSError:
        return b""


def _closed(stream: IO[bytes]) -> None:
    with contextlib.suppress(OSError):
        stream.close()


def _ended(process: subprocess.Popen[bytes], why: str) -> str:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return why
