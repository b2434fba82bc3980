"""A real Prometheus and a real Alertmanager on free ports, and a receiver of what Alertmanager sends."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pilotage.adapters.free_port import free_port
from pilotage.adapters.http import get_json, get_status
from pilotage.adapters.ports import AdapterError

from .programs import needs


class AlertReceiver(ThreadingHTTPServer):
    """Takes Alertmanager's webhook (version 4 of its format). got: each alert that it was sent, in order."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[dict[str, Any]] = []
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/alerts"

    def firing(self, version: str = "") -> set[str]:
        """Names of alerts that it was told are firing, about this version where one is named."""
        return {
            str(one["labels"]["alertname"])
            for one in list(self.got)
            if one["status"] == "firing" and version in ("", one["labels"].get("version"))
        }


class _Handler(BaseHTTPRequestHandler):
    server: AlertReceiver

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert content["version"] == "4"
        self.server.got.extend(content["alerts"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@dataclass
class Monitors:
    """rules: the folder from which Prometheus reads · scraped: the file in which it finds whom to scrape."""

    prometheus: str
    alertmanager: str
    rules: Path
    scraped: Path
    receiver: AlertReceiver
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def scrape(self, *addresses: str, path: str = "/metrics") -> None:
        """Have it scrape these from now on, each with its own path."""
        known = json.loads(self.scraped.read_text())
        known += [{"targets": list(addresses), "labels": {"__metrics_path__": path}}]
        # Moved into its place, so that Prometheus never reads half of it.
        beside = self.scraped.with_suffix(".new")
        beside.write_text(json.dumps(known))
        beside.replace(self.scraped)

    def post(self, *alerts: dict[str, str]) -> None:
        """Tell the Alertmanager of alerts, as a Prometheus does. alerts: labels of each."""
        for labels in alerts:
            self.amtool("alert", "add", *(f"{name}={value}" for name, value in labels.items()))

    def amtool(self, *words: str) -> str:
        command = [needs("amtool"), f"--alertmanager.url={self.alertmanager}", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def loaded(self) -> set[str]:
        """Names of the alert rules that Prometheus has."""
        read: Any = get_json(f"{self.prometheus}/api/v1/rules?type=alert")
        return {rule["name"] for group in read["data"]["groups"] for rule in group["rules"]}

    def answers(self, query: str) -> bool:
        """Whether Prometheus has samples for a query now."""
        found: Any = get_json(f"{self.prometheus}/api/v1/query?query={quote(query)}")
        return bool(found["data"]["result"])

    def targets(self) -> list[tuple[str, str]]:
        """What Prometheus scrapes, and what went wrong with it last."""
        found: Any = get_json(f"{self.prometheus}/api/v1/targets")
        return [(one["scrapeUrl"], one["lastError"]) for one in found["data"]["activeTargets"]]

    def kill(self, name: str) -> None:
        self.processes[name].kill()
        self.processes[name].wait()


@contextmanager
def monitors(folder: Path, jobs: Sequence[Mapping[str, Any]] = ()) -> Iterator[Monitors]:
    """Both programs, their files in `folder`; every second is scraped, evaluated and told. Skips where they are not
    installed; in CI it fails. jobs: more that Prometheus scrapes, in its own format."""
    programs = needs("prometheus"), needs("prometheus-alertmanager")
    receiver, ports = AlertReceiver(), (free_port(), free_port())
    prometheus, alertmanager = (f"http://127.0.0.1:{port}" for port in ports)
    found = Monitors(prometheus, alertmanager, folder / "rules", folder / "scraped.json", receiver)
    found.rules.mkdir(parents=True)
    found.scraped.write_text("[]")
    (folder / "prometheus.yml").write_text(json.dumps(_prometheus(found, ports[1], jobs)))
    (folder / "alertmanager.yml").write_text(json.dumps(_alertmanager(receiver.url)))
    commands = {
        "prometheus": [
            programs[0], f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{ports[0]}", "--web.enable-lifecycle", "--rules.alert.resend-delay=1s",
        ],
        "alertmanager": [
            programs[1], f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/told",
            f"--web.listen-address=127.0.0.1:{ports[1]}", "--cluster.listen-address=",
        ],
    }  # fmt: skip
    try:
        for name, command in commands.items():
            with (folder / f"{name}.log").open("wb") as log:
                found.processes[name] = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        for name, url in (("prometheus", found.prometheus), ("alertmanager", found.alertmanager)):
            wait_for(partial(_ready, url), (folder / f"{name}.log").read_text)
        yield found
    finally:
        for process in found.processes.values():
            process.kill()
            process.wait()
        receiver.shutdown()
        receiver.server_close()


def _ready(url: str) -> bool:
    try:
        return get_status(f"{url}/-/ready")[0] == 200
    except AdapterError:
        return False


def _prometheus(found: Monitors, alertmanager: int, jobs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [f"{found.rules}/*.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}]},
        "scrape_configs": [
            {"job_name": "tested", "file_sd_configs": [{"files": [str(found.scraped)], "refresh_interval": "1s"}]},
            *jobs,
        ],
    }


def _alertmanager(url: str) -> dict[str, Any]:
    quick = {"group_by": ["..."], "group_wait": "0s", "group_interval": "1s", "repeat_interval": "1h"}
    return {
        "route": {"receiver": "test", **quick},
        "receivers": [{"name": "test", "webhook_configs": [{"url": url}]}],
    }


def wait_for(condition: Callable[[], bool], otherwise: Callable[[], object], deadline: float = 60.0) -> None:
    """Wait until it is so; fail with what `otherwise` says then."""
    until = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < until, otherwise()
        time.sleep(0.1)
