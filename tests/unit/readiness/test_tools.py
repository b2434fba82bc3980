"""Reports of tools that ask a service or want another language: the real tool writes them, here and now (R5).

npm and pip-audit ask the registry and OSV by their public interfaces; a server on a socket answers with one advisory.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pilotage.model.readiness import BadEvidence
from pilotage.readiness import audits, coverage

from ...programs import needs

pytestmark = pytest.mark.real

JACOCO = Path(__file__).with_name("jacoco")
JARS = ("org.jacoco.core.jar", "org.jacoco.report.jar", "asm-all.jar")

ADVISORY = {
    "id": 1096465, "title": "Prototype Pollution in minimist", "severity": "moderate", "vulnerable_versions": "<0.2.1",
    "url": "https://github.com/advisories/GHSA-vh95-rmgr-6w4m", "cwe": ["CWE-1321"], "cvss": {"score": 5.6},
}  # fmt: skip
VULNERABILITY = {
    "id": "PYSEC-2019-217", "summary": "Sandbox escape", "aliases": ["CVE-2019-10906"],
    "modified": "2021-11-22T00:00:00Z", "published": "2019-04-07T00:29:00Z",
    "affected": [{
        "package": {"name": "jinja2", "ecosystem": "PyPI"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.10.1"}]}],
    }],
}  # fmt: skip


class Advisories(BaseHTTPRequestHandler):
    """npm's bulk advisories (npm/cli, `npm audit`) and OSV's `v1/query` (google.github.io/osv.dev), of one each."""

    asked: ClassVar[list[Any]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        asked = json.loads(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
        self.asked.append(asked)
        if self.path == "/-/npm/v1/security/advisories/bulk":
            self._answer(200, {"minimist": [ADVISORY]} if "minimist" in asked else {})
        elif self.path == "/v1/query":
            self._answer(200, {"vulns": [VULNERABILITY]} if asked["package"]["name"] == "jinja2" else {})
        else:
            self._answer(404, {})

    def do_GET(self) -> None:
        self._answer(404, {})

    def _answer(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing to say."""


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Advisories) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_coverage_as_jacoco_writes_it(tmp_path: Path) -> None:
    jars = os.pathsep.join(needs(f"/usr/share/java/{jar}") for jar in JARS)
    for command in (
        [needs("javac"), "--release", "11", "-d", str(tmp_path), str(JACOCO / "Shop.java")],
        [needs("java"), "-cp", jars, str(JACOCO / "Cover.java")],
    ):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    report = (tmp_path / "jacoco.xml").read_bytes()
    assert b"<!DOCTYPE report" in report
    assert coverage.covered(report, "jacoco.xml") == (5, 6)


def audited(place: Path, service: str, package: str, version: str) -> bytes:
    """What `npm audit` says of a lock file with one package."""
    root = {"name": "shop", "version": "1.0.0", "dependencies": {package: version}}
    locked = {"": root, f"node_modules/{package}": {"version": version}}
    (place / "package.json").write_text(json.dumps(root))
    lock = {"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "requires": True, "packages": locked}
    (place / "package-lock.json").write_text(json.dumps(lock))
    command = [needs("npm"), "audit", "--json", "--package-lock-only", "--registry", service, "--cache", str(place)]
    return subprocess.run(command, cwd=place, check=False, capture_output=True).stdout


def test_findings_as_npm_audit_writes_them(tmp_path: Path, service: str) -> None:
    (found,) = audits.findings(audited(tmp_path, service, "minimist", "0.0.8"), "npm.json").issues
    assert (found.id, found.package) == ("GHSA-vh95-rmgr-6w4m", "minimist")
    assert "Prototype Pollution" in found.sentence
    assert {"minimist": ["0.0.8"]} in Advisories.asked
    assert audits.findings(audited(tmp_path, service, "once", "1.4.0"), "npm.json").issues == ()


def test_npm_audit_that_got_no_answer_is_no_pass(tmp_path: Path) -> None:
    said = audited(tmp_path, "http://127.0.0.1:9", "minimist", "0.0.8")
    with pytest.raises(BadEvidence):
        audits.findings(said, "npm.json")


def checked(place: Path, service: str, *pinned: str) -> bytes:
    """What `pip-audit` says of these requirements."""
    (place / "requirements.txt").write_text("\n".join(pinned))
    command = [sys.executable, "-m", "pip_audit", "-r", "requirements.txt", "--no-deps", "--disable-pip", "-f", "json",
               "-s", "osv", "--osv-url", f"{service}/v1/query", "--cache-dir", str(place)]  # fmt: skip
    return subprocess.run(command, cwd=place, check=False, capture_output=True).stdout


def test_findings_as_pip_audit_writes_them(tmp_path: Path, service: str) -> None:
    both = checked(tmp_path, service, "jinja2==2.10", "idna==3.7")
    (found,) = audits.findings(both, "pip.json").issues
    assert (found.id, found.package, found.version) == ("PYSEC-2019-217", "jinja2", "2.10")
    assert "CVE-2019-10906" in found.aliases
    assert audits.findings(checked(tmp_path, service, "idna==3.7"), "pip.json").issues == ()
