"""The Router port over an nginx that people already run: one owned file in its configuration, and what it answers.

The file is replaced by rename, tested by nginx itself, and loaded by a reload; whatever nginx refuses is put back. In
mode lua a reload is needed for settings alone: splits and instances go to the running workers. What nginx serves is
asked of nginx, never read from the file.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from pilotage.adapters.alone import alone_in
from pilotage.adapters.cohorts import refuse_cohort, without_members
from pilotage.adapters.fence import Fence
from pilotage.adapters.files import read_leniently, write_json
from pilotage.adapters.hosts.host import Host
from pilotage.adapters.ports import AdapterError, Backends, Fenced
from pilotage.adapters.routers.change import begun
from pilotage.adapters.routers.nginx_conf import Written, is_ours, nothing, state_in, token_in, written
from pilotage.adapters.routers.nginx_control import Answer, Control, Silent
from pilotage.adapters.routers.nginx_found import RECORD
from pilotage.adapters.routers.nginx_server import Server
from pilotage.adapters.routers.nginx_settings import Settings
from pilotage.adapters.routers.nginx_state import State, state_for, state_of
from pilotage.model.address import EVERYWHERE, show_host
from pilotage.model.json import JsonObject, find
from pilotage.model.traffic import Split

_log = logging.getLogger(__name__)
_TAKE_UP_DEADLINE = 8.0
_LARGEST = 4_000_000
_SEVERAL, _APART = 5, 0.06
"""Answers in a row, and seconds between them, that show new workers where processes cannot be listed."""


class NginxRouter:
    """directory: where its record is · fence: None for the way back without a store · host: where nginx
    runs · where: the record of it."""

    def __init__(self, directory: Path, fence: Fence | None, settings: Settings, host: Host, where: JsonObject) -> None:
        self._directory, self._fence, self._settings, self._host = directory, fence, settings, host
        self._where = where
        self._server = Server(host, settings)

    # ── the port ───────────────────────────────────────────────────────────────────────────────────────────

    def url(self) -> str:
        if self._settings.listen is None:
            return self._settings.url
        host, port = self._settings.listen
        reached = EVERYWHERE.get(host, host) if not self._host.name else self._host.address
        return f"http://{show_host(reached)}:{port}"

    def apply(self, split: Split, backends: Backends) -> None:
        if not self._settings.lua:
            refuse_cohort(split, "nginx in mode reload")
        fence = self._fence
        assert fence is not None
        fence.check()
        begins = begun(self._directory, fence)
        self.change(state_for(split, backends, self.kept), lambda: begins.refuse_outdated(split))

    def change(self, state: State, check: Callable[[], None] = lambda: None) -> None:
        """Let nginx serve this state. check: raises where it is not wanted any more. Raises AdapterError."""
        with alone_in(self._directory):
            check()
            before = self._files()
            token = self._token(before) or secrets.token_hex(16)
            self._remember(token)
            wanted = written(self._settings, state, token)
            running = self._answer(before)
            if running is not None and running.config == wanted.config:
                if self._settings.lua:
                    self._tell(token, state)
                self._keep(before, wanted)
                return
            try:
                self._load(before, wanted, token, running)
            except AdapterError:
                # Users are led back also by a Lua of earlier settings, where others keep nginx from loading new ones.
                if self._settings.lua and running is not None:
                    self._tell(token, state)
                raise
            if self._settings.lua:
                self._tell(token, state)  # its dictionary outlives a reload

    def read(self) -> Split | None:
        answer = self._served()
        return without_members(answer.state.split) if answer else None

    def endpoints(self) -> dict[str, frozenset[tuple[str, int]]] | None:
        answer = self._served()
        return answer.state.endpoints if answer else None

    def stop(self) -> None:
        if self._fence is not None:
            self._fence.check()
        self.end()

    def end(self) -> None:
        """Let nginx serve nothing of this service, and leave nothing. Raises AdapterError."""
        before = self._files()
        running, none = self._answer(before), nothing(self._settings)
        if running is not None or (before is not None and is_ours(before.http)):
            self._write(before, none)
            if refusal := self._server.examined().refusal:
                self._put_back(none, before or none)
                raise AdapterError(f"nginx refuses its configuration, so it cannot be told to stop: {refusal}")
            refused = self._server.reload()
            if running is not None and refused:
                raise AdapterError(f"nginx cannot be reloaded: {refused}")
            if running is not None:
                self._until(lambda: self._answer(before) is None, "nginx still serves after its reload")
            self._remove(none)
        (self._directory / RECORD).unlink(missing_ok=True)

    def kept(self) -> State | None:
        """What the owned file says; None if there is none, or it cannot be read."""
        with suppress(AdapterError, ValueError):
            files = self._files()
            return state_of(state_in(files.http)) if files and state_in(files.http) else None
        return None

    # ── the running nginx ──────────────────────────────────────────────────────────────────────────────────

    def _served(self) -> Answer | None:
        """What nginx says; None if it was never told anything. Raises AdapterError."""
        token = self._token(self._files())
        if not token:
            return None
        try:
            return Control(self._host, self._settings.control, token).ask()
        except Silent as error:
            raise AdapterError(self._why_silent(str(error))) from error

    def _why_silent(self, said: str) -> str:
        with suppress(AdapterError):
            found = self._server.examined()
            if found.missing:
                return f"{found.missing}, and reload nginx"
            if found.refusal:
                return f"{said}. nginx refuses its configuration: {found.refusal}"
        return f"{said}: is nginx running?"

    def _answer(self, files: Written | None) -> Answer | None:
        """What nginx says now; None if it says nothing of ours."""
        token = self._token(files)
        with suppress(AdapterError):
            return Control(self._host, self._settings.control, token).ask() if token else None
        return None

    def _tell(self, token: str, state: State) -> None:
        control = Control(self._host, self._settings.control, token)
        try:
            if control.ask().generation != state.text.split(None, 2)[1]:
                control.tell(state, self._fence)
        except Silent as error:
            raise AdapterError(self._why_silent(str(error))) from error

    # ── loading ────────────────────────────────────────────────────────────────────────────────────────────

    def _load(self, before: Written | None, wanted: Written, token: str, running: Answer | None) -> None:
        """Write the files, and let nginx load them. What it refuses, or does not take up, is put back."""
        old = before or nothing(self._settings)
        self._write(before, wanted)
        found = self._server.examined()
        if found.refusal or found.missing:
            # Where nothing includes the file any more, a reload would end what still serves.
            self._put_back(wanted, old)
            raise AdapterError(self._blamed(found.refusal) if found.refusal else f"{found.missing}, and try again")
        accepting = self._server.accepting(running.worker) if running else None
        if refused := self._server.reload():
            # It was tested: an nginx that is down serves it when it starts.
            raise AdapterError(f"nginx cannot be reloaded: {refused}: is it running?")
        control = Control(self._host, self._settings.control, token)
        try:
            self._until(lambda: _has(control, wanted.config), "nginx was told to reload and did not load what changed")
        except AdapterError as error:
            self._put_back(wanted, old)
            raise AdapterError(f"{error}; its error log says why") from error
        self._await_workers(accepting, control, wanted.config)

    def _blamed(self, refusal: str) -> str:
        """Whose fault it is that nginx refuses its configuration, now that what was there before is back."""
        if not self._server.examined().refusal:
            return f"nginx refuses what Pilotage wrote, and keeps what it had: {refusal}"
        way = "" if self._settings.lua else ". In mode lua, splits change without a reload"
        return (
            f"nginx refuses its configuration, with Pilotage's part and without it: {refusal}. It still serves what it "
            f"loaded last, and no reload changes that until this is corrected{way}"
        )

    def _keep(self, before: Written | None, wanted: Written) -> None:
        """Let the file say what the running nginx has already, for its next restart. Raises AdapterError."""
        try:
            self._write(before, wanted)
        except Fenced:
            raise
        except AdapterError as error:
            raise AdapterError(f"nginx serves what it should, and would not after a restart: {error}") from error

    def _await_workers(self, before: frozenset[int] | None, control: Control, config: str) -> None:
        """Wait until no worker with the configuration before takes connections."""
        if before is None:
            for _ in range(_SEVERAL):
                self._until(lambda: _has(control, config), "nginx serves what it had before in some of its workers")
                time.sleep(_APART)
            return

        def gone() -> bool:
            now = self._server.accepting(control.ask().worker)
            return now is not None and not now & before

        self._until(gone, "workers with the configuration before still take connections")

    def _until(self, true: Callable[[], bool], complaint: str) -> None:
        until = time.monotonic() + _TAKE_UP_DEADLINE
        while True:
            with suppress(Silent):
                if true():
                    return
            if time.monotonic() > until:
                raise AdapterError(f"{complaint} within {_TAKE_UP_DEADLINE:g} s")
            time.sleep(0.02)

    # ── the files ──────────────────────────────────────────────────────────────────────────────────────────

    def _files(self) -> Written | None:
        """What lies there; None if nothing does. Raises AdapterError."""
        http = self._host.read(self._settings.file, _LARGEST)
        if http is None:
            return None
        location = b"" if self._settings.listen else self._host.read(self._settings.location, _LARGEST) or b""
        return Written(http.decode(errors="replace"), location.decode(errors="replace"), "")

    def _write(self, before: Written | None, wanted: Written) -> None:
        """Replace what differs. Raises AdapterError, also for files that are not Pilotage's."""
        settings = self._settings
        parts = [(settings.file, before and before.http, wanted.http)]
        if settings.listen is None:
            parts.append((settings.location, before and before.location, wanted.location))
        for path, there, _ in parts:
            if there and not is_ours(there):
                raise AdapterError(f"{path} is not Pilotage's: move it away, or give router.file another name")
        for path, there, text in parts:
            if there != text:
                self._host.write(path, text.encode(), fence=self._fence)

    def _put_back(self, wanted: Written, old: Written) -> None:
        """Replace what was written, unless a later change has replaced it by now."""
        there = self._files()
        if there is not None and there.http == wanted.http:
            self._write(wanted, old)

    def _token(self, files: Written | None) -> str:
        """The secret with which nginx is asked; empty if it was never told anything. Also where the file is gone."""
        if files is not None:
            return token_in(files.http)
        found = find(read_leniently(self._directory / RECORD), "token")
        return found if isinstance(found, str) else ""

    def _remove(self, none: Written) -> None:
        """Take the file away, unless the configuration names it and would be refused without. That of the location
        stays: without its 503, the user's own server would serve its files there."""
        self._host.run(["rm", "-f", self._settings.file], fence=self._fence)
        if self._server.examined().refusal:
            self._write(None, none)

    def _remember(self, token: str) -> None:
        """A record that cannot be written keeps nobody from being led back."""
        wanted: JsonObject = json.loads(
            json.dumps({"settings": asdict(self._settings), "host": self._where, "token": token})
        )
        if read_leniently(self._directory / RECORD) != wanted:
            try:
                write_json(self._directory / RECORD, wanted)
            except OSError as error:
                _log.warning("cannot write %s: %s", self._directory / RECORD, error.strerror)


def _has(control: Control, config: str) -> bool:
    return control.ask().config == config
