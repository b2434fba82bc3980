"""The files of an Envoy on another host. One step lists what each of them holds, so that only what changed is read."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Hashable, Sequence

from pilotage.adapters.fence import Fence
from pilotage.adapters.hosts.host import Host
from pilotage.adapters.ports import AdapterError
from pilotage.model.json import JsonObject

_LARGEST = 1 << 20
_SUMS = """
cd "$1" 2>/dev/null || exit 0
for f in bootstrap.json xds/* tls/*; do [ ! -f "$f" ] || sha256sum "$f"; done
"""
_CLEAR = """
cd "$1" 2>/dev/null || exit 0
rm -rf xds tls bootstrap.json admin.sock
"""
_OTHERS = """
cd "$1/$2" 2>/dev/null || exit 0
shift 2
for f in *; do case " $* " in *" $f "*) ;; *) rm -f "$f" ;; esac; done
"""


class FarFiles:
    """folder: Envoy's own on the host · fence: None for a way back without one. Names are relative to the folder.
    Methods raise AdapterError, Unreachable, and Fenced where they change something."""

    def __init__(self, host: Host, folder: str, fence: Fence | None) -> None:
        self._host, self._folder, self._fence = host, folder, fence
        self._sums: dict[str, str] | None = None
        self._kept: dict[str, tuple[str, JsonObject | None]] = {}

    def begin(self) -> None:
        """From now on the files are as this controller finds and makes them, until the next call."""
        self._sums = self._listed()

    def listed(self, name: str) -> bool:
        """Whether this file is there now."""
        return name in self._listed()

    def read(self, name: str) -> JsonObject | None:
        if self._sums is not None:
            if name not in self._sums:
                return None
            if (kept := self._kept.get(name)) and kept[0] == self._sums[name]:
                return kept[1]
        content = self._host.read(f"{self._folder}/{name}")
        found = _object(content) if content is not None else None
        if self._sums is not None:
            self._kept[name] = self._sums[name], found
        return found

    def write(self, name: str, content: bytes) -> None:
        self._host.write(f"{self._folder}/{name}", content, fence=self._fence)
        if self._sums is not None:
            # What lies there the next listing tells; until then, it is this.
            self._sums[name] = uuid.uuid4().hex
            self._kept[name] = self._sums[name], _object(content)

    def has(self, names: Collection[str]) -> bool:
        there = self._listed() if self._sums is None else self._sums
        return all(name in there for name in names)

    def remove_others(self, folder: str, kept: Collection[str]) -> None:
        names = [name.removeprefix(f"{folder}/") for name in kept]
        self.run(["/bin/sh", "-c", _OTHERS, "sh", self._folder, folder, *names], fence=self._fence)

    def clear(self) -> None:
        """Remove them all."""
        self.run(["/bin/sh", "-c", _CLEAR, "sh", self._folder], fence=self._fence)
        self._sums, self._kept = None, {}

    def signature(self, path: str) -> Hashable:
        """Of any file of the host: another one as soon as something else lies there."""
        done = self._host.run(["stat", "-L", "-c", "%d %i %Y %s", "--", path])
        return done.out if done.status == 0 else done.status

    def content(self, path: str) -> bytes:
        """Of any file of the host."""
        found = self._host.read(path, _LARGEST)
        if found is None:
            raise AdapterError(f"cannot read {path} on {self._host.name}: there is no such file")
        return found

    def run(self, command: Sequence[str], *, fence: Fence | None = None) -> bytes:
        """What a command writes."""
        done = self._host.run(command, fence=fence)
        if done.status:
            raise AdapterError(f"{command[0]} failed on {self._host.name} (exit status {done.status}): {done.said}")
        return done.out

    def _listed(self) -> dict[str, str]:
        said = self.run(["/bin/sh", "-c", _SUMS, "sh", self._folder])
        rows = (row.partition("  ") for row in said.decode(errors="replace").splitlines())
        return {name: digest for digest, _, name in rows}


def _object(content: bytes) -> JsonObject | None:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
