"""Brings a version to a host: its artifact, uploaded once, verified and unpacked there, and what must run before."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import replace

from pilotage.adapters.fence import Fence
from pilotage.adapters.hosts import on_host
from pilotage.adapters.hosts.artifacts import Artifacts, Packed
from pilotage.adapters.hosts.host import Host
from pilotage.adapters.hosts.hosted_program import HostedProgram, lines_of
from pilotage.adapters.hosts.runner import slug_of
from pilotage.adapters.ports import AdapterError, NeverStarts
from pilotage.model.text import line

_SLOWEST = 250_000
"""Bytes a second of the slowest upload that is waited for."""
_TIMES = 3
"""Times the size of its archive that a release needs on the disk: the archive, what it unpacks to, and some room."""
_UNPACK = 600.0
_END = 990
"""Characters from which the end of a log of 1,000 bytes is not all of it."""


class Releases:
    """Of one service on one host. artifacts: None where versions lie on the host already · prepare: argument lists
    that run in the release · timeout: seconds for each of them · keep: releases that stay for the way back."""

    def __init__(
        self,
        host: Host,
        program: HostedProgram,
        artifacts: Artifacts | None = None,
        prepare: Sequence[Sequence[str]] = (),
        timeout: float = 600.0,
        keep: int = 5,
    ) -> None:
        self._host, self._program, self._artifacts = host, program, artifacts
        self._prepare, self._timeout, self._keep = prepare, timeout, keep

    def folder(self, version: str) -> str:
        """Where the version is unpacked, from the service's folder; empty without an artifact."""
        return f"releases/{slug_of(version)}" if self._artifacts else ""

    def bring(self, base: str, version: str, fence: Fence) -> str:
        """Returns the digest of its artifact; empty without one. Raises NeverStarts where waiting would not help."""
        known_as = ""
        if self._artifacts is not None:
            packed = self._artifacts.of(version)
            self._unpacked(base, version, packed, fence)
            known_as = f"sha256:{packed.digest}"
        for command in self._prepare:
            self._made(base, version, command, fence)
        return known_as

    def is_here(self, base: str, version: str) -> bool:
        """Whether the version was unpacked there, whatever its digest."""
        return self._host.read(f"{base}/{self.folder(version)}/.pilotage-digest", 1000) is not None

    def lacks(self, base: str, version: str) -> str:
        """Why the version cannot be brought there; empty where it can, or is there."""
        if self._artifacts is None or self.is_here(base, version):
            return ""
        return self._artifacts.lacks(version)

    def room_for(self, version: str) -> int:
        """Bytes of disk that the artifact needs there, as far as is known before it is fetched."""
        return _TIMES * self._artifacts.size(version) if self._artifacts else 0

    def _unpacked(self, base: str, version: str, packed: Packed, fence: Fence) -> None:
        name = slug_of(version)
        state, _, room = self._call("release", base, name, packed.digest).partition(" ")
        if state == "ready":
            return
        size = packed.path.stat().st_size
        if room.strip().isdigit() and int(room) << 10 < _TIMES * size:
            needed = f"about {_TIMES * size >> 20} MB are needed, and {int(room) >> 10} MB are free"
            raise AdapterError(f"the disk that holds {base} is too full for {version}: {needed}")
        if state == "nothing":
            within = 30.0 + size / _SLOWEST
            self._host.send(packed.path, f"{base}/artifacts/{packed.digest}.tar.gz", within=within, fence=fence)
        encoded = base64.b64encode(version.encode()).decode()
        said = self._call(
            "unpack", base, name, packed.digest, packed.packed, str(self._keep), encoded, within=_UNPACK, fence=fence
        )  # fmt: skip
        if said == "damaged":
            raise AdapterError(f"the artifact of {version} was damaged on its way, and is sent again")
        if said == "other":
            raise NeverStarts(
                f"{base}/releases/{name} holds another artifact of {version}, and instances of it are there"
            )

    def _made(self, base: str, version: str, command: Sequence[str], fence: Fence) -> None:
        """Run a command once: what it did is not done again after a cut connection."""
        program = replace(self._program, command=tuple(command)).on(self._host, version)
        program = replace(program, cwd=program.cwd or self.folder(version))
        mark = hashlib.sha256("\0".join(program.command).encode()).hexdigest()
        given = lines_of(program)
        said = self._call(
            "made", base, slug_of(version), mark, given=given, within=self._timeout, fence=fence
        )  # fmt: skip
        status, _, log = said.partition(" ")
        if status not in ("0", "already"):
            words = line(self._program.environment.without_secrets(_whole(log)).replace("\n", " / "), 300)
            raise NeverStarts(f"fleet.prepare: {command[0]} exited with {status}: {words}")

    def _call(
        self,
        verb: str,
        base: str,
        *arguments: str,
        given: bytes = b"",
        within: float = 15.0,
        fence: Fence | None = None,
    ) -> str:
        answer = on_host.call(self._host, verb, base, *arguments, given=given, within=within, fence=fence)
        return answer.decode(errors="replace").strip()


def _whole(log: str) -> str:
    """The lines of the end of a log, without one that began before it: half of a secret would not be found."""
    said = base64.b64decode(log).decode(errors="replace")
    return said.partition("\n")[2] if len(said) >= _END and "\n" in said.rstrip() else said
