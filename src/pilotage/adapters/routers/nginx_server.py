"""The nginx program on its host: test its configuration, reload it, see which workers take connections."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pilotage.adapters.hosts.host import Done, Host
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.nginx_settings import Settings
from pilotage.model.text import line

_TEST_WITHIN, _RELOAD_WITHIN, _LIST_WITHIN = 15.0, 15.0, 5.0
_INCLUDE = re.compile(r"(?:^|[;{}])[ \t]*include[ \t]+[\"']?([^\s;\"']+)", re.MULTILINE)
_FILE = re.compile(r"^# configuration file (.+):$", re.MULTILINE)
_LONGEST = 400
_WHOLE = 1_000_000
"""Bytes of output after which a host cuts it off."""
_NO_PROGRAM = 127


@dataclass(frozen=True)
class Examined:
    """refusal: what nginx itself says against its configuration · missing: the line that it lacks, and where, as far as
    that can be seen. Both are empty where nothing is wrong."""

    refusal: str
    missing: str


class Server:
    """The commands of one nginx."""

    def __init__(self, host: Host, settings: Settings) -> None:
        self._host, self._settings = host, settings

    def examined(self) -> Examined:
        """What is wrong with the configuration as it lies there, and would be after a reload. Raises AdapterError."""
        test = self._settings.test
        # With -T nginx tests the configuration as with -t, and shows it.
        done = self._run(["-T" if part == "-t" else part for part in test], _TEST_WITHIN)
        if done.status:
            said = _sentence(done) or f"{test[0]} ended with status {done.status}"
            return Examined(_cured(said), "")
        whole = "-t" in test and len(done.out) < _WHOLE
        return Examined("", self._missing(done.out.decode(errors="replace")) if whole else "")

    def reload(self) -> str:
        """Let the master load its configuration. Returns what it says against it; empty if nothing: whether it does
        load it shows later. Raises AdapterError."""
        done = self._run(self._settings.reload, _RELOAD_WITHIN)
        return (
            "" if done.status == 0 else _sentence(done) or f"{self._settings.reload[0]} ended with status {done.status}"
        )

    def _missing(self, text: str) -> str:
        """Which line is missing in the configuration, and where; empty if none is."""
        files = _FILE.findall(text)
        main = files[0] if files else "nginx.conf"
        masks = [posixpath.join(posixpath.dirname(main), mask) for mask in _INCLUDE.findall(text)]
        settings = self._settings
        if not _matched(settings.file, masks):
            where = f"inside the http {{ }} block of {main}"
            return f"nginx does not read {settings.file}: put the line `{settings.include}` {where}"
        if settings.listen is None and not _matched(settings.location, masks):
            where = "inside the location / { } of the server that users reach"
            return f"nginx does not read {settings.location}: put the line `{settings.location_include}` {where}"
        return ""

    def accepting(self, worker: int) -> frozenset[int] | None:
        """The workers that take connections: those of the master of `worker`. None if the host cannot list processes,
        or the worker is gone."""
        done = self._host.run(["ps", "-A", "-o", "pid=,ppid=,args="], within=_LIST_WITHIN)
        if done.status:
            return None
        rows = [row.split(None, 2) for row in done.out.decode(errors="replace").splitlines()]
        known = {int(row[0]): (int(row[1]), row[2]) for row in rows if len(row) == 3 and row[0].isdigit()}
        if worker not in known:
            return None
        master = known[worker][0]
        return frozenset(
            pid for pid, (parent, title) in known.items() if parent == master and "shutting down" not in title
        )

    def _run(self, command: Sequence[str], within: float) -> Done:
        done = self._host.run(command, within=within)
        if done.status == _NO_PROGRAM and "/" not in command[0]:
            # Where Debian puts it, which is on the path of root alone.
            done = self._host.run([f"/usr/sbin/{command[0]}", *command[1:]], within=within)
        if done.status == _NO_PROGRAM:
            raise AdapterError(f"{command[0]} is not installed{self._on()}: install it, or correct router.test")
        return done

    def _on(self) -> str:
        return f" on {self._host.name}" if self._host.name else ""


def _matched(path: str, masks: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(path, mask) for mask in masks)


def _sentence(done: Done) -> str:
    """What nginx says is wrong, without what it says besides."""
    rows = done.err.decode(errors="replace").splitlines()
    wrong = next((row for row in rows if "[emerg]" in row), "")
    return line(wrong, _LONGEST) or done.said


def _cured(said: str) -> str:
    return "; ".join([said, *_cures(said)])


def _cures(said: str) -> Iterator[str]:
    if "lua_shared_dict" in said and "unknown directive" in said:
        yield "this nginx has no Lua: install its Lua module (Debian: libnginx-mod-http-lua), or use mode: reload"
    if "directive is not allowed here" in said:
        yield "the line with *.conf belongs inside http { }, and the one with .location inside a location { }"
    if "Permission denied" in said:
        yield "let Pilotage's user read nginx's configuration, or begin router.test and router.reload with sudo, -n"
