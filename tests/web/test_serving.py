"""R34, R35: `pilotage serve` as a process: TLS, a proxy's path, signals, and several on one store."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
import urllib3

from pilotage.adapters.free_port import free_port
from pilotage.app.identity import sessions, tokens
from pilotage.app.project import Project
from pilotage.app.unread import require_something
from pilotage.config.yaml_reader import ConfigError
from pilotage.demo.server import show
from pilotage.engine.placement.lock import WORKER, lock_file
from pilotage.model.access import Grant, HolderKind, Proof
from pilotage.model.errors import Unavailable
from pilotage.web import serving as serving_module
from pilotage.web.serving import Listening, _as_configured, _elsewhere, _farewell, serve
from tests.nginx import Nginx
from tests.typed import typed
from tests.web.records import ended
from tests.web.site import CONFIG

HERE = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Running:
    process: subprocess.Popen[str]
    port: int
    said: str
    link: str
    """That makes the owner's account."""

    def get(self, path: str, tls: ssl.SSLContext | None = None, **headers: str) -> tuple[int, dict[str, str], str]:
        connection = (
            http.client.HTTPSConnection("localhost", self.port, context=tls, timeout=30)
            if tls
            else http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        )
        with contextlib.closing(connection):
            connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode()


@contextlib.contextmanager
def serving(folder: Path, *options: str) -> Iterator[Running]:
    """A process; it has said where it listens."""
    own = {**os.environ, "PYTHONPATH": f"{HERE}/src:{HERE}"}
    command = [sys.executable, "-m", "pilotage.cli.main", "serve", "--no-worker", "--listen", "127.0.0.1:0", *options]
    process = subprocess.Popen(command, cwd=folder, env=own, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = link = ""
    while "listening on" not in said:
        line = process.stderr.readline()
        assert line, f"it ended: {process.wait()} {said}"
        said = line if "listening on" in line else said
        link = line.split()[-1] if "/link/" in line else link
    drained = threading.Thread(target=process.stderr.read, daemon=True)
    drained.start()
    try:
        yield Running(process=process, port=_port(said), said=said.strip(), link=link)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in (0, -signal.SIGKILL), "it ends in order"
        drained.join(10)
        process.stderr.close()


def _port(said: str) -> int:
    return int(said.partition(";")[0].rpartition(":")[2])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pilotage.yaml").write_text(CONFIG)
    return tmp_path


def admin(folder: Path) -> tuple[str, str]:
    """A token and a session's secret of an admin."""
    store = Project(folder / "pilotage.yaml").store
    person = store.persons.add("ada", store.clock.now())
    store.persons.grant(HolderKind.PERSON, "ada", Grant(role="admin"), "tests", store.clock.now())
    token = tokens.issue(store, "ada", "tests", [Grant(role="admin")], "ada", None)
    secret = sessions.begin(store, person, Proof.PASSWORD, "127.0.0.1", "tests")
    store.close()
    return token, secret


def test_r35_two_servers_share_a_store_and_one_that_is_killed_is_not_missed(folder: Path) -> None:
    token, _ = admin(folder)
    with serving(folder) as one, serving(folder) as other:
        for each in (one, other):
            assert each.get("/api/v1/who", Authorization=f"Bearer {token}")[0] == 200
        os.kill(one.process.pid, signal.SIGKILL)
        assert one.process.wait(30) == -signal.SIGKILL
        assert other.get("/api/v1/who", Authorization=f"Bearer {token}")[0] == 200
        assert other.get("/login")[0] == 200


def test_r34_over_tls_cookies_are_bound_to_the_host_and_browsers_stay_with_https(folder: Path) -> None:
    _, secret = admin(folder)
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with serving(folder, "--certificate", "cert.pem", "--key", "key.pem") as server:
        status, headers, _ = server.get("/", trusting, Cookie=f"__Host-pilotage={secret}")
        assert (status, headers["strict-transport-security"]) == (200, "max-age=31536000")
        assert server.get("/", trusting, Cookie=f"pilotage={secret}")[0] == 303
        assert server.said.startswith("listening on https://127.0.0.1:")


def test_r34_behind_a_proxy_under_a_path_every_address_has_it(folder: Path) -> None:
    _, secret = admin(folder)
    with serving(folder, "--root-path", "/tools/pilotage", "--url", "https://x.example") as server:
        for path in ("/", "/tools/pilotage/"):  # a proxy may take its own path away, or leave it
            status, _, text = server.get(path, Cookie=f"__Secure-pilotage={secret}")
            assert status == 200
            assert 'href="/"' not in text
            assert 'href="/tools/pilotage/' in text
        assert server.get("/")[1]["location"].startswith("/tools/pilotage/login?next=")
        assert server.said.endswith("; browsers reach it at https://x.example/tools/pilotage/")


def test_r34_behind_nginx_as_the_documentation_sets_it_up(folder: Path) -> None:
    _, secret = admin(folder)
    told = re.search(r"```nginx\n(.*?)```", (HERE / "docs/server.md").read_text(), re.DOTALL)
    assert told is not None
    nginx = Nginx(folder / "nginx", lua=False)
    try:
        with serving(folder, "--url", "https://tools.example.com/pilotage", "--proxy", "127.0.0.1") as server:
            port, block = free_port(), told[1].replace(":8420", f":{server.port}")
            (nginx.others / "pilotage.conf").write_text(f"server {{ listen 127.0.0.1:{port}; {block} }}")
            subprocess.run(nginx.reload, check=True, capture_output=True, timeout=20)
            again = urllib3.Retry(20, backoff_factor=0.05)  # until nginx has read it
            own = {"Cookie": f"__Secure-pilotage={secret}", "Host": "tools.example.com"}
            answer = urllib3.request("GET", f"http://127.0.0.1:{port}/pilotage/", headers=own, retries=again)
            assert (answer.status, b'href="/pilotage/' in answer.data) == (200, True)
    finally:
        nginx.kill()


def test_r34_the_address_of_the_configuration_counts_unless_an_option_says_another(folder: Path) -> None:
    file = folder / "pilotage.yaml"
    file.write_text(f"{CONFIG}server: {{url: 'https://x.example/tools/pilotage/'}}\n")
    found = _as_configured(Project(file), Listening())
    assert (found.address(8420), found.secure) == ("https://x.example/tools/pilotage/", True)
    assert found.root == "/tools/pilotage"
    assert _as_configured(Project(file), Listening(url="https://y.example")).address(8420) == "https://y.example/"


def test_r34_links_of_a_server_on_every_address_open_in_a_browser() -> None:
    everywhere = Listening(host="0.0.0.0")
    assert (everywhere.address(8420), everywhere.overheard) == ("http://localhost:8420/", True)
    assert Listening(host="::").address(8420) == "http://localhost:8420/"
    assert _elsewhere(everywhere, 8420) == "; the other addresses of this machine lead to it, too"
    assert not Listening().overheard
    assert not Listening(host="0.0.0.0", url="https://x.example").overheard


def test_r34_an_address_of_browsers_may_have_the_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[Listening]()
    monkeypatch.setattr(serving_module, "serve", lambda _, wanted, __: asked.append(wanted))
    for options in ((), ("--root-path", "tools/")):
        assert typed("serve", "--url", "https://x.example/tools/", *options, cwd=folder).returncode == 0
        assert asked.pop().address(1) == "https://x.example/tools/"
    refused = typed("serve", "--url", "https://x.example/a", "--root-path", "/b", cwd=folder)
    assert (refused.returncode, "has the path /a and --root-path /b" in refused.stderr) == (2, True)


def test_a_demo_whose_address_is_taken_starts_no_shop(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(Unavailable, match="cannot listen on"):
        show(folder / "demo", Listening(port=taken.getsockname()[1]), 1, lambda _: None)
    assert not (folder / "demo").exists()


def test_what_cannot_be_served_is_one_sentence(folder: Path) -> None:
    def ended(*options: str) -> tuple[int, str]:
        own = {**os.environ, "PYTHONPATH": f"{HERE}/src:{HERE}"}
        command = [sys.executable, "-m", "pilotage.cli.main", "serve", "--no-worker", *options]
        got = subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, timeout=60, check=False)
        return got.returncode, got.stderr

    with serving(folder) as server:
        assert server.link.startswith(f"http://127.0.0.1:{server.port}/link/"), "the first start makes the owner"
        assert "owner" in server.get(server.link.removeprefix(f"http://127.0.0.1:{server.port}"))[2]
        status, said = ended("--listen", f"127.0.0.1:{server.port}")
    assert (status, said) == (
        9, f"pilotage: cannot listen on 127.0.0.1:{server.port}: Address already in use; choose another one with "
        "--listen\n",
    )  # fmt: skip
    (folder / "no.pem").write_text("no certificate")
    status, said = ended("--listen", "127.0.0.1:0", "--certificate", "no.pem", "--key", "no.pem")
    assert (status, said.startswith("pilotage: no.pem: the certificate cannot be used")) == (2, True), said


BROKEN = CONFIG.replace("team_size: small", "team_size: tiny")


def test_r35_a_first_start_with_a_wrong_file_is_refused_and_leaves_nothing(folder: Path) -> None:
    (folder / "pilotage.yaml").write_text(BROKEN)
    with pytest.raises(ConfigError, match=r"pilotage.yaml:5:\d+: .*team_size"):
        serve(Project(folder / "pilotage.yaml"), Listening(port=0, worker=False), lambda _: None)
    assert not (folder / ".pilotage").exists()


def test_r35_where_records_are_a_server_starts_also_with_a_wrong_file_and_says_so(folder: Path) -> None:
    store = Project(folder / "pilotage.yaml").store
    ended(store, "shop", "production", "2.4.0")
    store.close()
    (folder / "pilotage.yaml").write_text(BROKEN)
    assert "team_size" in require_something(Project(folder / "pilotage.yaml"))


def test_r35_a_server_that_ends_says_that_its_worker_goes_on_and_how_to_stop_it(folder: Path) -> None:
    project = Project(folder / "pilotage.yaml")
    assert _farewell(project, True) == "the server has ended"
    lock = lock_file(project.directory / WORKER)
    said = _farewell(project, True)
    assert f"The worker goes on (process {os.getpid()})" in said
    assert "`pilotage worker --stop`" in said
    assert _farewell(project, False) == "the server has ended", "a worker that it did not start is not its matter"
    del lock
