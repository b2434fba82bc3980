"""R35: `doctor --server` finds what a server lacks, against a real server, certificate and PostgreSQL."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import trustme

from pilotage.app import examine_server
from pilotage.app.examine_server import _database
from pilotage.app.project import Project
from pilotage.app.store_backups import back_up_store
from pilotage.engine.records.database_facts import DatabaseFacts
from pilotage.model.finding import Finding
from tests.typed import typed
from tests.web.site import CONFIG, Served

WELL = DatabaseFacts(
    version=17, standby=False, ahead=0.0, connections=5, most=100, synchronous="on", encrypted=True, several=True,
    writable=True,
)  # fmt: skip


def findings(server: Served, url: str = "") -> dict[str, Finding]:
    config = server.site.project.config
    config.write_text(CONFIG + (f"server: {{url: '{url}'}}\n" if url else ""))
    project = Project(config)
    project.__dict__["store"] = server.store
    return {one.what: one for one in examine_server.examine_server(project)}


def test_a_new_server_is_told_what_is_missing(server: Served) -> None:
    found = findings(server)
    assert {what: one.result for what, one in found.items()} == {
        "server": "PASS", "address": "WARN", "store": "PASS", "migration": "PASS", "worker": "WARN",
        "sign-in": "WARN", "disk": found["disk"].result, "backup": "WARN",
    }  # fmt: skip
    assert "prints a link for the owner" in found["sign-in"].sentence
    server.person("ada", "admin")
    back_up_store(server.site.project, "ada", server.store.directory.parent / "b.zip")
    found = findings(server, server.url)
    assert found["address"].result == "PASS"
    assert found["backup"].result == "PASS"
    assert found["sign-in"].sentence == "1 person may sign in; admins: ada"
    assert findings(server, "http://releases.example.com")["TLS"].result == "FAIL"


@pytest.fixture
def encrypted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[int, trustme.CA]]:
    """A TLS server whose certificate this process trusts."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    listening = HTTPServer(("127.0.0.1", 0), Handler)
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True).start()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    yield listening.server_port, authority
    listening.shutdown()
    listening.server_close()


def test_a_certificate_is_looked_at_as_a_browser_does(
    server: Served, encrypted: tuple[int, trustme.CA], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, _ = encrypted
    found = findings(server, f"https://localhost:{port}")["TLS"]
    assert found.result == "PASS", found.sentence
    monkeypatch.setattr(examine_server, "_SOON", 1e6)
    assert findings(server, f"https://localhost:{port}")["TLS"].result == "WARN"
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "is not trusted" in findings(server, f"https://localhost:{port}")["TLS"].sentence


@pytest.mark.parametrize(
    ("change", "result", "words"),
    [
        ({}, "PASS", "5 of 100 connections"),
        ({"standby": True}, "FAIL", "this is a standby"),
        ({"writable": False}, "FAIL", "target_session_attrs=read-write"),
        ({"synchronous": "off"}, "WARN", "a crash may lose the last second"),
        ({"encrypted": False}, "WARN", "sslmode=verify-full"),
        ({"connections": 90}, "WARN", "90 of 100 connections"),
        ({"ahead": -7.0}, "WARN", "run NTP"),
        ({"version": 11}, "FAIL", "use 14 or newer"),
    ],
)
def test_settings_of_postgresql(change: dict[str, object], result: str, words: str) -> None:
    from dataclasses import replace

    found = list(_database(replace(WELL, **change)))  # type: ignore[arg-type]
    assert (result, True) in [(one.result, words in one.sentence) for one in found]


def test_the_command_says_it_too(server: Served) -> None:
    done = typed("doctor", "--server", cwd=server.site.project.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARN  worker: none runs here" in done.stdout
