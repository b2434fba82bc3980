"""Fleets over real sshd servers of this machine, and a small service for them."""

from __future__ import annotations

import contextlib
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from pilotage.adapters.context import Context
from pilotage.adapters.fence import Fence
from pilotage.adapters.fleets import ssh_adapter
from pilotage.adapters.fleets.over_hosts import HostsFleet

from .ssh import Sshds

SERVER = """
import http.server, os, signal, sys
host, port, version = sys.argv[1], int(sys.argv[2]), sys.argv[3]
if "stubborn" in version:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(404 if "elsewhere" in version else 500 if "sick" in version else 200)
        self.end_headers()
        self.wfile.write(version.encode())
    def log_message(self, *_): pass
if "chatty" in version:
    print("first\\nsecond\\n\\n\\x1b[31mred\\x1b[0m\\x00\\n" + "x" * 1000, flush=True)
    print(*(f"{name}={value}" for name, value in sorted(os.environ.items())), sep="\\n", flush=True)
if "forking" in version:
    import subprocess
    subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"], start_new_session=True)
if "broken" in version:
    sys.exit("fatal: no price list")
http.server.ThreadingHTTPServer.request_queue_size = 128
http.server.ThreadingHTTPServer((host, port), Handler).serve_forever()
"""
COMMAND = (sys.executable, "-S", "-c", SERVER, "{host}", "{port}", "{version}")


def section_for(sshd: Sshds, **more: object) -> ssh_adapter.SshFleetSection:
    """As pilotage.yaml would have it, with all these hosts."""
    given = {
        "kind": "ssh",
        "hosts": {
            host.name: {"port": host.port, "address": host.address, "folder": str(host.folder)} for host in sshd.all
        },
        "ssh": {"config_file": str(sshd.config_file)},
        "command": list(COMMAND),
        "health_check_path": "/",
        "stop_timeout": 1.0,
        **more,
    }
    return ssh_adapter.SshFleetSection.model_validate(given)


def opened(section: ssh_adapter.SshFleetSection, place: Path, token: int = 1) -> HostsFleet:
    """Another controller's view of the same fleet. place: where the controller's files are."""
    fleet = ssh_adapter.ADAPTER.open(section, context_for(place, token))
    assert isinstance(fleet, HostsFleet)
    return fleet


def context_for(place: Path, token: int = 1) -> Context:
    return Context(
        directory=place / "fleet",
        fence=Fence(place / "run" / "fence.json", token),
        service="shop",
        environment="production",
        folder=place,
    )


@contextlib.contextmanager
def hosts_in(place: Path) -> Iterator[Sshds]:
    """Hosts for many tests."""
    place.mkdir(mode=0o700)
    hosts = Sshds(place)
    hosts.set_up()
    try:
        yield hosts
    finally:
        hosts.end()


def build(place: Path, version: str) -> Path:
    """The artifact of a version: the same service as a file."""
    path = place / "dist" / f"shop-{version}.tar.gz"
    path.parent.mkdir(exist_ok=True)
    (place / "server.py").write_text(SERVER)
    with tarfile.open(path, "w:gz") as archive:
        archive.add(place / "server.py", f"shop-{version}/server.py")
    return path


def marked(folder: Path) -> list[int]:
    """Processes that were started for a host in this folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            mark = process.environ().get("PILOTAGE_PROCESS", "")
            if mark.startswith(f"{folder}/") and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found
