"""Carries out a client's command line in a child process, and tells what it says as it says it.

A process of its own: commands write to the process's streams, may end it, and may be interrupted alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from pilotage.app.remote.handing import ASKED_FD, FILES, hand_over
from pilotage.model.access import Identity
from pilotage.model.errors import Invalid, Unavailable
from pilotage.model.shell import Ended, Message, Said, ShellRequest, Waiting, Wrote
from pilotage.model.trace_context import parent_of

MOST_WORDS = 200
_LONGEST = 100_000
"""Characters of a word."""
_LONGEST_NAME = 200
"""Bytes of a file's name."""
_MOST_WRITTEN = 20 << 20
"""Bytes of all files that come back."""
_ALIVE_EVERY = 10.0
_PATIENCE = 10.0
_AT_ONCE, _BACK_AT_ONCE = asyncio.Semaphore(16), asyncio.Semaphore(8)
"""Child processes: of all who watch and ask, and of those who take users off a version, who wait for none of them."""
_MOST_OF_ONE = 6
"""Command lines that one person or account has at the same time, of each of both kinds."""
_TAKES_BACK = frozenset({"abort", "rollback"})
_of_one = Counter[tuple[str, bool]]()
_LEFT_OUT = ("PILOTAGE_ACTOR", "PILOTAGE_SERVER", "PILOTAGE_TOKEN", "PILOTAGE_CONFIG", "PILOTAGE_SERVICE")
_TRACE = "TRACEPARENT"


class TooManyCommands(Unavailable):
    """This person runs as many command lines on the server as one may."""


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """config: the server's pilotage.yaml."""

    config: Path


async def carry_out(place: Workplace, identity: Identity, request: ShellRequest) -> AsyncIterator[Message]:
    """What the command says, and at last how it ended. Whoever stops listening interrupts it, as Ctrl-C does. Raises
    Invalid, TooManyCommands."""
    _check(request)
    back = not _TAKES_BACK.isdisjoint(request.words)
    with _one_more(f"{identity.kind}:{identity.name}", back):
        async with _BACK_AT_ONCE if back else _AT_ONCE, aclosing(_in_folder(place, identity, request)) as messages:
            async for message in messages:
                yield message


@contextlib.contextmanager
def _one_more(who: str, back: bool) -> Iterator[None]:
    """Nobody takes the places of all others. Raises TooManyCommands."""
    if _of_one[who, back] >= _MOST_OF_ONE:
        raise TooManyCommands(f"{_MOST_OF_ONE} of your command lines run on this server already: end one first")
    _of_one[who, back] += 1
    try:
        yield
    finally:
        _of_one[who, back] -= 1
        if not _of_one[who, back]:
            del _of_one[who, back]


async def _in_folder(place: Workplace, identity: Identity, request: ShellRequest) -> AsyncGenerator[Message, None]:
    folder = Path(tempfile.mkdtemp(prefix="pilotage-asked-"))
    try:
        async with aclosing(_run(place, identity, request, folder.resolve())) as messages:
            async for message in messages:
                yield message
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check(request: ShellRequest) -> None:
    if len(request.words) > MOST_WORDS or any(len(word) > _LONGEST or "\0" in word for word in request.words):
        raise Invalid(f"a command line has at most {MOST_WORDS} words of {_LONGEST:,} characters")


async def _run(
    place: Workplace, identity: Identity, request: ShellRequest, folder: Path
) -> AsyncGenerator[Message, None]:  # fmt: skip
    names = _unpack(request, folder)
    words = [_replaced(word, names) for word in request.words]
    pipe = hand_over(identity)
    try:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pilotage.cli.main", *words, cwd=place.config.resolve().parent,
            env=_environment(place, request, pipe, folder), stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, pass_fds=(pipe,), start_new_session=True,
        )  # fmt: skip
    finally:
        os.close(pipe)
    try:
        async for message in _heard(child, request.stdin):
            yield _as_sent(message, names)
        for written in _written(names, request):
            yield written
        yield Ended(status=_status(await child.wait()))
    finally:
        await _end(child)


def _unpack(request: ShellRequest, folder: Path) -> Mapping[str, Path]:
    """Where each file of the words lies here."""
    names = dict[str, Path]()
    for number, file in enumerate(request.files):
        # The ending may decide in which format a command writes.
        target = folder / str(number) / _named(file.word)
        target.parent.mkdir()
        names[file.word] = target
        if file.content is not None:
            target.write_bytes(file.content)
    return names


def _named(word: str) -> str:
    """The last part of a path, as a name that lies in its folder and that the file system takes."""
    last = Path(word.replace("\0", "")).name
    while len(last.encode(errors="replace")) > _LONGEST_NAME:
        last = last[1:]
    return "files" if last in ("", "..") else last


def _replaced(word: str, names: Mapping[str, Path]) -> str:
    if word in names:
        return str(names[word])
    option, equals, value = word.partition("=")
    return f"{option}={names[value]}" if equals and value in names else word


def _as_sent(message: Message, names: Mapping[str, Path]) -> Message:
    """Files are called as the words call them, wherever they lie here."""
    if not isinstance(message, Said):
        return message
    text = message.text
    for word, path in names.items():
        text = text.replace(str(path), word)
    return Said(stream=message.stream, text=text)


def _environment(place: Workplace, request: ShellRequest, pipe: int, folder: Path) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in (*_LEFT_OUT, _TRACE, "COLUMNS")}
    traced = {_TRACE: request.traceparent} if parent_of(request.traceparent) else {}
    wide = {"COLUMNS": str(max(20, min(request.columns, 500)))} if request.columns > 0 else {}
    own = {"PILOTAGE_CONFIG": str(place.config.resolve())}
    return {**kept, **own, **wide, **traced, ASKED_FD: str(pipe), FILES: str(folder), "PYTHONUNBUFFERED": "1"}


async def _heard(child: asyncio.subprocess.Process, stdin: str) -> AsyncIterator[Message]:
    """Both streams, in the order in which they come; a sign of life in between."""
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    queue = asyncio.Queue[Said | None](100)
    readers = [
        asyncio.create_task(_read(reader, name, queue))
        for name, reader in (("out", child.stdout), ("err", child.stderr))
    ]
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        child.stdin.write(stdin.encode())
        await child.stdin.drain()
    child.stdin.close()
    ended = 0
    try:
        while ended < len(readers):
            try:
                said = await asyncio.wait_for(queue.get(), _ALIVE_EVERY)
            except TimeoutError:
                yield Waiting()
                continue
            if said is None:
                ended += 1
            else:
                yield said
    finally:
        for reader in readers:
            reader.cancel()


async def _read(reader: asyncio.StreamReader, name: str, queue: asyncio.Queue[Said | None]) -> None:
    import codecs

    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    while chunk := await reader.read(1 << 16):
        if text := decode(chunk):
            await queue.put(Said(stream=name, text=text))
    await queue.put(None)


def _written(names: Mapping[str, Path], request: ShellRequest) -> list[Wrote]:
    """What the command has written or changed of the files that its words name."""
    sent = {file.word: file.content for file in request.files}
    found, room = list[Wrote](), _MOST_WRITTEN
    for word, path in names.items():
        for one in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if not one.is_file() or one.is_symlink():
                continue
            content = one.read_bytes()
            room -= len(content)
            if room < 0:
                raise Invalid(f"the command wrote more than {_MOST_WRITTEN:,} bytes")
            name = word if one == path else f"{word}/{one.relative_to(path)}"
            if sent.get(name) != content:
                found.append(Wrote(word=name, content=content))
    return found


def _status(code: int) -> int:
    return code if code >= 0 else 128 - code


async def _end(child: asyncio.subprocess.Process) -> None:
    """Interrupt it, as Ctrl-C would: it detaches from what goes on without it."""
    if child.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGINT)
    try:
        await asyncio.wait_for(asyncio.shield(child.wait()), _PATIENCE)
    except (TimeoutError, asyncio.CancelledError):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
