"""One connection to a host: a process of `ssh` whose other end reads requests, one at a time."""

from __future__ import annotations

import contextlib
import os
import secrets
import selectors
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import IO

from pilotage.adapters.hosts.host import Done, Sink
from pilotage.adapters.hosts.talking import MOST, First, Last

_BLOCK = 65_536
_GRACE = 5.0
"""Seconds that a host has, after it should have killed a command, to say so."""


class Cut(Exception):
    """The connection ended, or does not answer. begun: whether the host had begun with the request."""

    def __init__(self, *, begun: bool, silent: bool = False) -> None:
        super().__init__("silent" if silent else "cut")
        self.begun, self.silent = begun, silent


class Late(Exception):
    """The command did not end in time, and was killed there."""


class Taken(Exception):
    """The host's fence holds a higher token."""

    def __init__(self, token: int, by: str) -> None:
        super().__init__(by)
        self.token, self.by = token, by


class _At(Enum):
    BEFORE = "before"
    INSIDE = "inside"
    BEHIND = "behind"


@dataclass
class Output:
    """The part of a stream between the marks of a request; what comes before belongs to nobody, such as a banner."""

    nonce: bytes
    keep: Sink
    stray: Sink
    """Where all goes that is outside of the marks."""
    at: _At = _At.BEFORE
    mark: tuple[str, ...] = ()
    """The words of the end mark."""
    _held: bytes = b""

    def feed(self, data: bytes) -> None:
        self._held += data
        while self.at is not _At.BEHIND and (found := self._next_mark()):
            words, before, after = found
            self._hand(before)
            self._held = after
            self.at = _At.INSIDE if words[:1] == ("begin",) else _At.BEHIND
            self.mark = words
        if self.at is not _At.BEHIND:
            self._let_go()

    def _next_mark(self) -> tuple[tuple[str, ...], bytes, bytes] | None:
        start = self._held.find(self._begin)
        if start < 0 or (end := self._held.find(b"\n", start)) < 0:
            return None
        words = self._held[start:end].decode(errors="replace").split(" ")[1:]
        return tuple(words), self._held[:start], self._held[end + 1 :]

    def _let_go(self) -> None:
        """All but what may be the beginning of a mark."""
        start = self._held.find(self._begin)
        if start < 0:
            tails = range(max(0, len(self._held) - len(self._begin)), len(self._held))
            start = next((at for at in tails if self._begin.startswith(self._held[at:])), len(self._held))
        self._hand(self._held[:start])
        self._held = self._held[start:]

    @property
    def _begin(self) -> bytes:
        """Of a mark."""
        return self.nonce + b" "

    def end(self) -> None:
        """The stream has ended."""
        self._hand(self._held)
        self._held = b""

    def _hand(self, data: bytes) -> None:
        if data:
            (self.keep if self.at is _At.INSIDE else self.stray)(data)


Asking = Callable[[str], bytes]
"""Makes the line of a request from its nonce."""


class Channel:
    """One `ssh` and the loop at its other end. Not for several threads at once."""

    def __init__(self, process: subprocess.Popen[bytes], log: IO[bytes], name: Path) -> None:
        """log: what `ssh` says, in the file `name`, which is removed as soon as `ssh` has it open for sure."""
        self._process, self._log, self._name = process, log, name
        self._in, self._out, self._err = (_number(pipe) for pipe in (process.stdin, process.stdout, process.stderr))
        for number in (self._in, self._out, self._err):
            os.set_blocking(number, False)
        self.used = time.monotonic()
        self.said = Last()
        """What came outside of requests, such as a banner, and what helpers of `ssh` say."""

    @property
    def log(self) -> str:
        """What `ssh` itself said so far."""
        self._log.seek(0)
        return self._log.read(MOST).decode(errors="replace")

    @property
    def alive(self) -> bool:
        """Whether nothing is known of an end. What a background process of an earlier command wrote is dropped."""
        for number in (self._out, self._err):
            with contextlib.suppress(BlockingIOError):
                while data := os.read(number, _BLOCK):
                    self.said(data)
                return False
        return self._process.poll() is None

    def wait_ready(self, nonce: str, text: bytes, until: float) -> str:
        """Send the loop, and return the home it reports. Raises Cut."""
        mark = self._converse(nonce, text, None, (self.said, self.said), until)
        self._name.unlink(missing_ok=True)
        return " ".join(mark[1:])

    def ask(
        self,
        asking: Asking,
        source: IO[bytes],
        *,
        within: float,
        most: int = MOST,
        follow: tuple[Sink, Sink] | None = None,
    ) -> Done:
        """One request. source: the input, of which `asking` knows the size · most: bytes of output that are kept ·
        follow: get standard output and error as they come instead. Raises Cut, Late, Taken."""
        nonce = secrets.token_hex(16)
        out, err = First(most=most), Last()
        mark = self._converse(nonce, asking(nonce), source, follow or (out, err), time.monotonic() + within + _GRACE)
        self.used = time.monotonic()
        if mark[0] == "fenced":
            raise Taken(int(mark[1]), mark[2].removeprefix("="))
        if mark[2:] == ("0",):
            raise Late
        return Done(status=int(mark[1]), out=bytes(out.data), err=err.end)

    def _converse(
        self, nonce: str, text: bytes, source: IO[bytes] | None, sinks: tuple[Sink, Sink], until: float
    ) -> tuple[str, ...]:
        """Send the text and the source while reading what comes, until both streams have their end mark."""
        outputs = {
            self._out: Output(nonce=nonce.encode(), keep=sinks[0], stray=self.said),
            self._err: Output(nonce=nonce.encode(), keep=sinks[1], stray=self.said),
        }
        open_streams = {self._out, self._err}
        pending = memoryview(text)
        with selectors.DefaultSelector() as selector:
            selector.register(self._in, selectors.EVENT_WRITE)
            for number in open_streams:
                selector.register(number, selectors.EVENT_READ)
            while any(output.at is not _At.BEHIND for output in outputs.values()):
                begun = any(output.at is not _At.BEFORE for output in outputs.values())
                ready = selector.select(max(0.0, until - time.monotonic()))
                if not ready and time.monotonic() >= until:
                    raise Cut(begun=begun, silent=True)
                for key, _ in ready:
                    if key.fd == self._in:
                        if not pending and source is not None:
                            pending = memoryview(source.read(_BLOCK))
                        pending = pending[self._write(pending, begun=begun) :]
                        if not pending and (source is None or not (pending := memoryview(source.read(_BLOCK)))):
                            selector.unregister(self._in)
                        continue
                    data = self._read(key.fd)
                    if data is None:
                        continue
                    if data:
                        outputs[key.fd].feed(data)
                        continue
                    selector.unregister(key.fd)
                    open_streams.discard(key.fd)
                    if not open_streams or outputs[key.fd].at is not _At.BEHIND:
                        self._last_words(outputs, open_streams)
                        raise Cut(begun=begun)
        return outputs[self._out].mark

    def _write(self, data: memoryview, *, begun: bool) -> int:
        try:
            return os.write(self._in, data)
        except BlockingIOError:
            return 0
        except OSError:
            raise Cut(begun=begun) from None

    def _read(self, number: int) -> bytes | None:
        try:
            return os.read(number, _BLOCK)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def _last_words(self, outputs: dict[int, Output], open_streams: set[int]) -> None:
        """What `ssh` still writes when it ends."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        if self._err in open_streams:
            while data := self._read(self._err):
                outputs[self._err].feed(data)
        for output in outputs.values():
            output.end()

    def close(self) -> None:
        """End `ssh`, and with it the loop. Never waits for the host."""
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._log.close()
        self._name.unlink(missing_ok=True)
        self._process.terminate()
        try:
            self._process.wait(0.5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _number(pipe: IO[bytes] | None) -> int:
    assert pipe is not None
    return pipe.fileno()
