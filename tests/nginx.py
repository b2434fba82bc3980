"""A real nginx as somebody else runs it: a configuration of their own, which includes the folder that Pilotage owns."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from pathlib import Path

import psutil

from pilotage.adapters.free_port import free_port

from .programs import needs

_MODULES = "/usr/lib/nginx/modules"
_LUA = f"load_module {_MODULES}/ndk_http_module.so;\nload_module {_MODULES}/ngx_http_lua_module.so;"
_CONF = """
{modules}
daemon off;
worker_processes 2;
user {user};
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    include {folder}/owned/*.conf;
    include {folder}/others/*.conf;
}}
"""
_NEIGHBOUR = """
server {{ listen 127.0.0.1:{port}; location / {{ return 200 "neighbour"; }} }}
"""


class Nginx:
    """folder: where everything of it lies · neighbour: the port of another service that it serves."""

    def __init__(self, folder: Path, *, lua: bool) -> None:
        self.program = needs("nginx")
        if lua:
            needs(f"{_MODULES}/ngx_http_lua_module.so")
        self.folder, self.neighbour = folder, free_port()
        self.owned, self.others = folder / "owned", folder / "others"
        self.owned.mkdir(parents=True)
        self.others.mkdir()
        self.conf = folder / "nginx.conf"
        user = psutil.Process().username()
        self.conf.write_text(_CONF.format(modules=_LUA if lua else "", folder=folder, user=user))
        (self.others / "neighbour.conf").write_text(_NEIGHBOUR.format(port=self.neighbour))
        self.start()

    @property
    def test(self) -> list[str]:
        return [self.program, "-c", str(self.conf), "-e", str(self.folder / "error.log"), "-t"]

    @property
    def reload(self) -> list[str]:
        return [*self.test[:-1], "-s", "reload"]

    @property
    def master(self) -> psutil.Process:
        return psutil.Process(self._process.pid)

    def start(self) -> None:
        self._process = subprocess.Popen(self.test[:-1], cwd=self.folder, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while not (self.folder / "nginx.pid").exists() or not self.master.children():
            assert self._process.poll() is None, self.said
            assert time.monotonic() < until
            time.sleep(0.01)

    def kill(self) -> None:
        """By force, with its workers: as a machine that fails."""
        with contextlib.suppress(psutil.Error):
            for process in [self.master, *self.master.children()]:
                process.kill()
        self._process.wait(10)
        (self.folder / "nginx.pid").unlink(missing_ok=True)

    def restart(self) -> None:
        self.kill()
        self.start()

    def reload_by_somebody(self) -> None:
        before = set(self.workers())
        self.master.send_signal(signal.SIGHUP)
        until = time.monotonic() + 10
        while before & set(self.workers()) or not self.workers():
            assert time.monotonic() < until
            time.sleep(0.01)

    def workers(self) -> list[int]:
        """Those that take connections."""
        found = []
        for one in self.master.children():
            with contextlib.suppress(psutil.Error):  # it has just ended
                if "shutting down" not in " ".join(one.cmdline()):
                    found.append(one.pid)
        return found

    @property
    def said(self) -> str:
        return (self.folder / "error.log").read_text()
