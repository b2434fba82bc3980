"""Sends a command line to a server, and passes on what comes back."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

import msgspec

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.server_client import ConnectionLost, Refused, ServerClient
from pilotage.app.output import write_file
from pilotage.app.remote.keyring import token_for
from pilotage.model.errors import Invalid, Unavailable
from pilotage.model.json import Json
from pilotage.model.shell import Ended, Message, Said, SentFile, ShellRequest, Wrote

_MOST = 700_000
"""Bytes of all files that are sent; base64 adds a third."""

_ATTEMPTS, _PAUSE = 30, 1.0
"""How often a request is sent whose connection is lost; seconds between two attempts."""


def request_of(
    words: Sequence[str], paths: Sequence[str], plans: Sequence[str], stdin: str, columns: int
) -> ShellRequest:
    """paths: files that the words name, which may not exist yet · plans: words that are a file or a rollout. Raises
    Invalid for what cannot be sent."""
    files = [_sent(word) for word in paths if word != "-"]
    files += [_sent(word) for word in plans if Path(word).is_file()]
    if sum(len(file.content or b"") for file in files) > _MOST:
        raise Invalid(f"the files of this command have more than {_MOST:,} bytes together")
    return ShellRequest(
        words=tuple(words), files=tuple(files), stdin=stdin, columns=columns,
        traceparent=os.environ.get("TRACEPARENT", ""),
    )  # fmt: skip


def _sent(word: str) -> SentFile:
    path = Path(word)
    if path.is_dir():
        raise Invalid(f"{word} is a folder here, and the command runs on the server", cure="unset PILOTAGE_SERVER")
    try:
        return SentFile(word=word, content=path.read_bytes() if path.exists() else None)
    except OSError as error:
        raise Invalid(f"{word} cannot be read: {error.strerror}") from None


def send(url: str, request: ShellRequest, say: Callable[[str, str], None]) -> int:
    """The exit status. say: takes the name of a stream, and text for it. Raises PilotageError."""
    client = ServerClient(url, token_for(url))
    named = {file.word for file in request.files}
    try:
        for message in _messages(client, request):
            match message:
                case Said(stream=stream, text=text):
                    say(stream, text)
                case Wrote() as wrote:
                    _write(wrote, named)
                case Ended(status=status):
                    return status
    except msgspec.DecodeError:
        raise Unavailable(f"{url} sent what this version does not understand", cure="compare the versions") from None
    except Refused as refused:
        if refused.status == 401:
            raise Unauthorized(f"{url}: {refused}", cure=f"run `pilotage login {url}`") from None
        raise
    raise AdapterError(f"{url} ended its answer before the command ended; see what it did with `pilotage status`")


def _messages(client: ServerClient, request: ShellRequest) -> Iterator[Message]:
    """Where the connection is lost, the same request is sent again under its key: the server, or another one of the
    same store, says how the command ended, and does nothing twice. What it said is not repeated."""
    key, content = uuid.uuid4().hex, cast("Json", msgspec.to_builtins(request))
    for left in reversed(range(_ATTEMPTS)):
        first = True
        try:
            for line in client.lines("/api/v1/shell", content, key):
                message = msgspec.json.decode(line, type=Message)
                if first and isinstance(message, Ended) and left < _ATTEMPTS - 1:
                    yield Said(stream="err", text="pilotage: the connection was lost, and the command has ended\n")
                first = False
                yield message
            return
        except ConnectionLost:
            if not left:
                raise
        except AdapterError:
            if not left or left == _ATTEMPTS - 1:
                raise  # at the first attempt, nothing was asked yet
        except Refused as refused:
            if not left or refused.code_there != "request-running":
                raise
        time.sleep(_PAUSE)


class Unauthorized(Unavailable):
    """The server does not know who asks."""

    exit_status, http_status = 8, 401


def _write(wrote: Wrote, named: set[str]) -> None:
    """Only what the words name, or what lies below it: a server writes nowhere else."""
    path = Path(wrote.word)
    below = any(path != Path(word) and path.is_relative_to(word) and ".." not in path.parts for word in named)
    if wrote.word not in named and not below:
        raise AdapterError(f"the server sent the file {wrote.word}, which the command does not name")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, wrote.content)
