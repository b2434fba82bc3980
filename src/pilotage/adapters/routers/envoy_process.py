"""The embedded Envoy on this machine: its files, and its process, which is found, started and stopped."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import time
import uuid
from collections.abc import Collection, Hashable
from pathlib import Path

from pilotage.adapters import marks, process_records, processes
from pilotage.adapters.envoy_admin import ADMIN_SOCKET, RECORD, admin_url, envoy_program, forget_admin
from pilotage.adapters.files import private_folder, read_json, write_json, write_over
from pilotage.adapters.http import connect_unix, get, get_json
from pilotage.adapters.open_files import allow_open_files, most_open_files
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.envoy_listener import bootstrap
from pilotage.adapters.routers.envoy_place import COPIES
from pilotage.adapters.routers.listening import refuse_taken
from pilotage.model.address import EVERYWHERE
from pilotage.model.json import JsonObject, WrongJson, each, find, object_at

_log = logging.getLogger(__name__)
_FLUSHED_EVERY = 200
"""Milliseconds until what failed is in the log."""
_MOST_CONNECTIONS = 50_000
"""User connections at a time. Fewer if the system allows fewer open files: each takes two, one of them to an
instance."""
_LARGEST = 1 << 20
_WATCHED = "watched"
"""File in the folder of discovery files that names the Envoy that watches it."""
_START_DEADLINE = 10.0
_KNOCKS = 0.5
"""Seconds within which a listening socket accepts a connection, whatever its process does."""


class EnvoyProcess:
    """The EnvoyPlace on this machine. directory: where its files are and in which it runs · stop_timeout: seconds until
    it is killed."""

    keeps_logs = True

    def __init__(self, directory: Path, stop_timeout: float = 5.0) -> None:
        self._directory, self._stop_timeout = directory, stop_timeout
        self._files = self.lock = directory / "xds"
        self._record = directory / RECORD

    # ── files ──────────────────────────────────────────────────────────────────────────────────────────────

    def begin(self) -> None:
        """Files are read each time."""

    def reached(self, host: str) -> str:
        return EVERYWHERE.get(host, host)

    def read(self, name: str) -> JsonObject | None:
        found = read_json(self._directory / name)
        return found if isinstance(found, dict) else None

    def write(self, name: str, content: bytes) -> None:
        write_over(self._directory / name, content)

    def has(self, names: Collection[str]) -> bool:
        return all((self._directory / name).is_file() for name in names)

    def remove_others(self, folder: str, kept: Collection[str]) -> None:
        for file in (self._directory / folder).glob("*"):
            if f"{folder}/{file.name}" not in kept:
                file.unlink(missing_ok=True)

    def signature(self, path: str) -> Hashable:
        try:
            found = Path(path).stat()
        except OSError as error:
            return error.errno
        return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size

    def content(self, path: str) -> bytes:
        return content_of(path)

    def get(self, path: str, timeout: float = 2.0) -> bytes:
        return get(f"{admin_url(self._directory)}{path}", timeout)

    def was_told(self) -> bool:
        return (self._files / "rds.json").exists() or self._record.exists()

    # ── the process ────────────────────────────────────────────────────────────────────────────────────────

    def refuse_taken(self, at: tuple[str, int]) -> None:
        refuse_taken(*at)

    def running(self) -> process_records.Record | None:
        """The running Envoy, even if its record is lost. One that can no longer be controlled, because its files were
        removed, is stopped."""
        record = process_records.find(self._record)
        if record is None or record.process() is None:
            return None
        lost = self._lost(record)
        if not lost:
            return record
        _log.warning("restarting Envoy (process %s): %s", record.pid, lost)
        self._end()
        return None

    def _lost(self, record: process_records.Record) -> str:
        """Why Envoy cannot be controlled; empty if it can. Raises AdapterError if it is controlled from another
        folder."""
        if not self._may_answer():
            self._refuse_moved(record)
            return "its admin interface is gone"
        watched = record.facts.get("watches")
        # It watches the very folder that was there when it started, not one of the same name.
        there = watched is None or _text(self._files / _WATCHED) == watched
        return "" if there else f"{self._files} is now a different folder"

    def _may_answer(self) -> bool:
        """Whether something listens on the admin interface here. In a copied folder the socket exists and nothing
        listens; an Envoy that is busy or stopped refuses no connection."""
        if not (self._directory / ADMIN_SOCKET).is_socket():
            with contextlib.suppress(AdapterError):
                return bool(admin_url(self._directory))
            return False
        try:
            connect_unix(self._directory / ADMIN_SOCKET, time.monotonic() + _KNOCKS).close()
        except OSError as error:
            return not isinstance(error, ConnectionRefusedError | FileNotFoundError)
        return True

    def _refuse_moved(self, record: process_records.Record) -> None:
        """Users stay with a router whose folder was moved: its new location is recorded."""
        process = record.process()
        now = marks.runs_in(process) if process else None
        if now is not None and now != self._directory and (now / ADMIN_SOCKET).is_socket():
            ways = "its folder was moved or copied. Move it back, or run `pilotage down` there"
            raise AdapterError(f"Envoy (process {record.pid}) runs in {now} and reads only that folder: {ways}")

    def prepare(self) -> None:
        """Write what the next Envoy is started with; until it starts, its discovery files may be written."""
        private_folder(self._directory).chmod(0o700)
        forget_admin(self._directory)
        connections = max(100, min(_MOST_CONNECTIONS, most_open_files() // 2 - 200))
        listener = f"users-{uuid.uuid4().hex}"
        content = bootstrap(listener, connections)
        write_over(self._directory / "bootstrap.json", json.dumps(content, indent=1, sort_keys=True).encode())
        write_over(self._files / _WATCHED, listener.encode())

    def start(self) -> process_records.Record:
        """The Envoy that was prepared, once it listens. Raises AdapterError."""
        command = [
            envoy_program(), "-c", str(self._directory / "bootstrap.json"), "--disable-hot-restart",
            "--concurrency", "2", "--log-level", "warning", "--file-flush-interval-msec", str(_FLUSHED_EVERY),
        ]  # fmt: skip
        log, facts = self._directory / "envoy.log", {"watches": _text(self._files / _WATCHED)}
        record = processes.start(self._record, command, facts, log, self._directory)
        allow_open_files(record.pid)
        deadline = time.monotonic() + _START_DEADLINE
        while time.monotonic() < deadline:
            if record.process() is None:
                raise AdapterError(f"Envoy exited at once; end of {log}: {processes.last_lines(log)}")
            if self._is_live():
                # An Envoy that cannot listen keeps running without a listener and would serve nobody.
                if get(f"{admin_url(self._directory)}/listeners").strip():
                    return record
                self._end()
                raise AdapterError(f"Envoy cannot listen; end of {log}: {processes.last_lines(log)}")
            time.sleep(0.02)
        raise AdapterError(f"Envoy is not ready after {_START_DEADLINE:g} s; see {log}")

    def stop(self) -> None:
        """Also everything else that carries a mark of its folder."""
        self._end()
        processes.end_all(marks.left_in(self._directory), self._stop_timeout)
        forget_admin(self._directory)
        for file in self._files.glob("*.json"):
            file.unlink(missing_ok=True)
        shutil.rmtree(self._directory / COPIES, ignore_errors=True)

    def started_with(self) -> JsonObject | None:
        """What Envoy was started with; where the file is lost, as it says itself."""
        found = read_json(self._directory / "bootstrap.json")
        if isinstance(found, dict):
            return found
        with contextlib.suppress(AdapterError, WrongJson):
            dump = each(object_at, get_json(f"{admin_url(self._directory)}/config_dump"), "configs")
            said = next((object_at(part, "bootstrap") for part in dump if "bootstrap" in part), None)
            if said is not None:
                write_json(self._directory / "bootstrap.json", said)
            return said
        return None

    def _end(self) -> None:
        record = process_records.load(self._record)
        while record is not None:
            record = processes.stop(record, self._stop_timeout) and process_records.load(self._record)
            time.sleep(0.02)

    def _is_live(self) -> bool:
        try:
            return find(get_json(f"{admin_url(self._directory)}/server_info", timeout=0.5), "state") == "LIVE"
        except AdapterError:
            return False


def content_of(path: str) -> bytes:
    """Of any file of this machine. Raises AdapterError."""
    try:
        with Path(path).open("rb") as file:
            return file.read(_LARGEST)
    except OSError as error:
        raise AdapterError(f"cannot read {path}: {error.strerror}") from error


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return None
