"""The keys that a cache is warmed with: a file, or what a command prints; a key a line."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from pilotage.adapters.ports import AdapterError

_MOST, _LONGEST, _BYTES = 100_000, 1024, 16 << 20
"""Keys, characters of each, and bytes of all of them."""


def of_file(path: Path, name: str) -> tuple[str, ...]:
    """Raises AdapterError for a file that is missing, too large, or holds no key."""
    try:
        with path.open("rb") as file:
            return _keys(file.read(_BYTES + 1), name)
    except OSError as error:
        raise AdapterError(f"{name} cannot be read: {error.strerror}") from None


def of_command(command: Sequence[str], environment: Mapping[str, str], cwd: str, timeout: float) -> tuple[str, ...]:
    """Run without a shell; its children end with it. Raises AdapterError where it fails or takes too long."""
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                list(command), cwd=cwd, env=dict(environment), stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise AdapterError(f"{command[0]}: {getattr(error, 'strerror', None) or error}") from None
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AdapterError(f"{command[0]} timed out after {timeout:g} s") from None
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if status != 0:
            raise AdapterError(f"{command[0]} exited with {status}, so there are no keys")
        return _keys(_from_start(output), command[0])


def _from_start(output: IO[bytes]) -> bytes:
    output.seek(0)
    return output.read(_BYTES + 1)


def _keys(content: bytes, source: str) -> tuple[str, ...]:
    if len(content) > _BYTES:
        raise AdapterError(f"{source} has more than {_BYTES >> 20} MiB of keys: choose those that most requests read")
    found = tuple(dict.fromkeys(filter(None, (one.strip() for one in content.decode(errors="replace").splitlines()))))
    if not found:
        raise AdapterError(f"{source} has no key")
    if len(found) > _MOST:
        told = "choose those that most requests read"
        raise AdapterError(f"{source} has {len(found):,} keys, more than {_MOST:,}: {told}")
    if long := next((key for key in found if len(key) > _LONGEST), None):
        raise AdapterError(f"{source}: the key {long[:40]}… has more than {_LONGEST:,} characters")
    return found
