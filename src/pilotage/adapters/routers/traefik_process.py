"""The process of the embedded Traefik: find, start and stop it."""

from __future__ import annotations

import json
import logging
import time
import uuid
from pathlib import Path

from pilotage.adapters import marks, process_records, processes
from pilotage.adapters.envoy_admin import BUCKETS_MS
from pilotage.adapters.files import private_folder, write_over
from pilotage.adapters.free_port import free_port
from pilotage.adapters.open_files import allow_open_files
from pilotage.adapters.own_requests import secret_of, text_of
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.traefik_config import header_is
from pilotage.adapters.routers.traefik_config import text_of as file_of
from pilotage.adapters.traefik_api import KEY_HEADER, TraefikApi, traefik_program
from pilotage.model.address import show_host
from pilotage.model.json import Json, JsonObject

_log = logging.getLogger(__name__)
RECORD, DYNAMIC, LOG = "traefik.json", "dynamic", "traefik.log"
KEY = "api-key"
USERS, ADMIN, STATS = "users", "admin", "stats"
"""Entry points: that of users, that of Pilotage, and that of a Prometheus."""
_WATCHED = "watched"
"""File in the watched folder that names the Traefik that watches it. Traefik reads only files that end in .yml."""
_START_DEADLINE = 15.0
_UPLOADS = "1h"
"""How long a request may take to arrive; Traefik cuts one off after a minute by default."""
_ENCODED = ("Slash", "BackSlash", "NullCharacter", "Semicolon", "Percent", "QuestionMark", "Hash")


class TraefikProcess:
    """directory: where its files are and in which it runs · stop_timeout: seconds until it is killed."""

    def __init__(self, directory: Path, stop_timeout: float) -> None:
        self._directory, self._stop_timeout = directory, stop_timeout
        self.files, self.record = directory / DYNAMIC, directory / RECORD

    def running(self, listen: tuple[str, int]) -> process_records.Record | None:
        """The running Traefik, even if its record is lost. One whose folder was removed is stopped, because it would
        read no file any more, and so is one that listens elsewhere than at `listen`, which it cannot change."""
        record = process_records.find(self.record, {ADMIN: str})
        process = record.process() if record else None
        if record is None or process is None:
            return None
        now = marks.runs_in(process)
        if now is not None and now != self._directory:
            ways = "its folder was moved or copied. Move it back, or run `pilotage down` there"
            raise AdapterError(f"Traefik (process {record.pid}) runs in {now} and reads only that folder: {ways}")
        # It watches the very folder that was there when it started, not one of the same name.
        lost = (
            "" if text_of(self.files / _WATCHED) == record.facts.get("watches") else f"{self.files} is another folder"
        )
        if not lost and record.facts.get("listens") != _address(listen):
            lost = f"router.listen is now {_address(listen)}"
        if not lost:
            return record
        _log.warning("restarting Traefik (process %s): %s", record.pid, lost)
        self._end()
        return None

    def api(self) -> TraefikApi:
        """Its API. Raises AdapterError where none was started."""
        return api_in(self._directory)

    def start(self, listen: tuple[str, int], stats: tuple[str, int] | None) -> process_records.Record:
        """A new Traefik that has read the files, once it answers. Raises AdapterError."""
        private_folder(self._directory).chmod(0o700)
        admin, watched = f"127.0.0.1:{free_port()}", uuid.uuid4().hex
        content = _static(listen, admin, stats)
        write_over(self._directory / "static.yml", json.dumps(content, indent=1, sort_keys=True).encode())
        write_over(self.files / "pilotage-admin.yml", file_of(_admin_routes(secret_of(self._directory, KEY), stats)))
        write_over(self.files / _WATCHED, watched.encode())
        command = [traefik_program(), "--configfile=static.yml"]
        log, facts = self._directory / LOG, {"watches": watched, "listens": _address(listen), ADMIN: admin}
        record = processes.start(self.record, command, facts, log, self._directory)
        allow_open_files(record.pid)
        deadline = time.monotonic() + _START_DEADLINE
        while time.monotonic() < deadline:
            if record.process() is None:
                raise AdapterError(f"Traefik exited at once; end of {log}: {processes.last_lines(log)}")
            try:
                self.api().page("/api/version", 0.5)
                return record
            except AdapterError:
                time.sleep(0.02)
        raise AdapterError(f"Traefik is not ready after {_START_DEADLINE:g} s; see {log}")

    def stop(self) -> None:
        """Stop it, and everything else that carries a mark of its folder."""
        self._end()
        processes.end_all(marks.left_in(self._directory), self._stop_timeout)

    def _end(self) -> None:
        record = process_records.load(self.record)
        while record is not None:
            record = processes.stop(record, self._stop_timeout) and process_records.load(self.record)
            time.sleep(0.02)


def api_in(directory: Path) -> TraefikApi:
    """The API of the Traefik that runs in `directory`. Raises AdapterError where none was started."""
    record = process_records.find(directory / RECORD, {ADMIN: str})
    if record is None:
        raise AdapterError(f"no Traefik was started in {directory}")
    return TraefikApi(f"http://{record.facts[ADMIN]}", text_of(directory / KEY) or "")


def _static(listen: tuple[str, int], admin: str, stats: tuple[str, int] | None) -> JsonObject:
    """What it is started with. Paths are relative to its working folder, which may be moved."""
    # Paths of users pass as they are, like through any other router.
    http: JsonObject = {
        "sanitizePath": False,
        "encodedCharacters": {f"allowEncoded{name}": True for name in _ENCODED},
    }
    timeouts: JsonObject = {"readTimeout": _UPLOADS, "idleTimeout": "180s"}
    points: dict[str, Json] = {
        USERS: {
            "address": _address(listen),
            "http": http,
            "transport": {"respondingTimeouts": timeouts, "lifeCycle": {"graceTimeOut": "3s"}},
        },
        ADMIN: {"address": admin},
    }
    if stats:
        points[STATS] = {"address": _address(stats)}
    return {
        "entryPoints": points,
        "providers": {"providersThrottleDuration": "10ms", "file": {"directory": DYNAMIC, "watch": True}},
        "api": {"dashboard": False},
        "ping": {"manualRouting": True},
        "metrics": {
            "prometheus": {
                "manualRouting": True,
                "addEntryPointsLabels": False,
                "addRoutersLabels": False,
                "addServicesLabels": True,
                "buckets": [bound / 1000 for bound in BUCKETS_MS],
            }
        },
        "log": {"level": "WARN", "noColor": True},
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
    }


def _admin_routes(key: str, stats: tuple[str, int] | None) -> JsonObject:
    """Who may ask: whoever holds the key, on a port of this machine alone; and a Prometheus for the figures."""
    held = header_is(KEY_HEADER, key)
    routers: dict[str, Json] = {
        "pilotage-admin.api": {
            "entryPoints": [ADMIN], "rule": f"PathPrefix(`/api`) && {held}", "service": "api@internal"
        },
        "pilotage-admin.metrics": {
            "entryPoints": [ADMIN], "rule": f"Path(`/metrics`) && {held}", "service": "prometheus@internal"
        },
    }  # fmt: skip
    if stats:
        routers["pilotage-admin.stats"] = {
            "entryPoints": [STATS], "rule": "Path(`/metrics`)", "service": "prometheus@internal"
        }  # fmt: skip
    return {"http": {"routers": routers}}


def _address(at: tuple[str, int]) -> str:
    return f"{show_host(at[0])}:{at[1]}"
