"""This machine as a host."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pilotage.adapters.environment import inherited
from pilotage.adapters.fence import Fence
from pilotage.adapters.files import private_folder
from pilotage.adapters.hosts.host import Done, Sink
from pilotage.adapters.hosts.talking import MOST, First, Last, talk
from pilotage.adapters.ports import AdapterError

_NOT_FOUND, _NOT_EXECUTABLE = 127, 126


class LocalHost:
    """The Host port over this machine. folder: Pilotage's own, absolute."""

    name, address = "", "127.0.0.1"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def folder(self) -> str:
        return str(self._folder)

    def run(
        self,
        command: Sequence[str],
        *,
        input: bytes = b"",  # noqa: A002
        environment: Mapping[str, str] | None = None,
        cwd: str = "",
        within: float = 10.0,
        fence: Fence | None = None,
    ) -> Done:
        _check(fence)
        out, err = First(), Last()
        status = self._run(command, input, environment, cwd, within, (out, err))
        return Done(status=status, out=bytes(out.data), err=err.end)

    def follow(
        self,
        command: Sequence[str],
        *,
        out: Sink,
        err: Sink,
        environment: Mapping[str, str] | None = None,
        cwd: str = "",
        within: float = 10.0,
        fence: Fence | None = None,
    ) -> int:
        _check(fence)
        return self._run(command, b"", environment, cwd, within, (out, err))

    def _run(
        self,
        command: Sequence[str],
        given: bytes,
        environment: Mapping[str, str] | None,
        cwd: str,
        within: float,
        sinks: tuple[Sink, Sink],
    ) -> int:
        try:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=cwd or None,
                env={**inherited(), **(environment or {})},
                start_new_session=True,
            )
        except (FileNotFoundError, NotADirectoryError) as error:
            sinks[1](f"{error.filename}: {error.strerror}".encode())
            return _NOT_FOUND
        except (OSError, ValueError) as error:
            sinks[1](str(getattr(error, "strerror", None) or error).encode())
            return _NOT_EXECUTABLE
        with process:
            try:
                talk(process, given, sinks, time.monotonic() + within)
            except TimeoutError:
                raise AdapterError(f"{command[0]} did not end within {within:g} s") from None
            finally:
                if process.poll() is None:
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.killpg(process.pid, signal.SIGKILL)
                    process.kill()
        return process.returncode if process.returncode >= 0 else 128 - process.returncode

    def read(self, path: str, most: int = MOST) -> bytes | None:
        try:
            with Path(path).open("rb") as file:
                content = file.read(most + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AdapterError(f"cannot read {path}: {error.strerror}") from error
        if len(content) > most:
            raise AdapterError(f"{path} is larger than {most} bytes")
        return content

    def write(self, path: str, content: bytes, *, mode: int = 0o600, fence: Fence | None = None) -> None:
        _check(fence)
        with _placing(path, mode) as beside, beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def send(self, source: Path, path: str, *, within: float, fence: Fence | None = None) -> None:  # noqa: ARG002
        _check(fence)
        with _placing(path, 0o600) as beside:
            shutil.copyfile(source, beside)


@contextlib.contextmanager
def _placing(path: str, mode: int) -> Iterator[Path]:
    """A new file beside, which takes the place of the one at `path` at the end."""
    target = Path(path)
    beside = target.with_name(f".{target.name[:100]}.{os.urandom(8).hex()}")
    try:
        if not target.parent.exists():
            private_folder(target.parent)
        with contextlib.suppress(FileNotFoundError):
            mode = stat.S_IMODE(target.stat().st_mode)
        os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
        beside.chmod(mode)  # whatever the umask
        yield beside
        beside.replace(target)
    except OSError as error:
        raise AdapterError(f"cannot write {path}: {error.strerror}") from error
    finally:
        beside.unlink(missing_ok=True)


def _check(fence: Fence | None) -> None:
    if fence is not None:
        fence.check()
