"""Runs `on_host.sh` on a host. It is kept there under its digest, and placed again whenever it is missing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from pilotage.adapters.fence import Fence
from pilotage.adapters.hosts.host import Host
from pilotage.adapters.ports import AdapterError

_FIRST = b"pilotage 1\n"


def call(
    host: Host, verb: str, base: str, *arguments: str, given: bytes = b"", within: float = 10.0,
    fence: Fence | None = None,
) -> bytes:  # fmt: skip
    """What a verb of the script answers, without its first line. base: the service's folder on the host · given: its
    standard input. Raises AdapterError, Unreachable, Fenced."""
    content, path = _script(), f"{host.folder}/bin/{_name()}"
    command: Sequence[str] = ["sh", path, verb, base, *arguments]
    done = host.run(command, input=given, within=within, fence=fence)
    if not done.out.startswith(_FIRST) and done.status:
        host.write(path, content, mode=0o700)
        done = host.run(command, input=given, within=within, fence=fence)
    if not done.out.startswith(_FIRST) or done.status:
        raise AdapterError(f"{verb} failed on {host.name or 'this machine'} (exit status {done.status}): {done.said}")
    return done.out.removeprefix(_FIRST)


@cache
def _script() -> bytes:
    return Path(__file__).with_name("on_host.sh").read_bytes()


@cache
def _name() -> str:
    return f"pilotage-{hashlib.sha256(_script()).hexdigest()[:16]}.sh"
