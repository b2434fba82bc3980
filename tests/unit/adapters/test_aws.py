"""Calls of AWS without AWS: what a person is told."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pilotage.adapters.aws import Access, Aws, Recent, Throttled, forget
from pilotage.adapters.ports import AdapterError


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    forget()
    yield
    forget()


def test_without_the_extra_one_sentence_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(AdapterError, match=r"library for AWS is not installed; pip install .*\[aws\]'"):
        Aws(Access(region="eu-central-1")).call("elbv2", "describe_rules")


def test_a_missing_region_or_profile_is_named_with_what_to_set() -> None:
    with pytest.raises(AdapterError, match=r"specify a region.*set region: in pilotage\.yaml"):
        Aws(Access()).call("elbv2", "describe_rules")
    with pytest.raises(AdapterError, match=r"The config profile \(ci\) could not be found"):
        Aws(Access(region="eu-central-1", profile="ci")).call("elbv2", "describe_rules")


def test_an_address_that_does_not_answer_is_no_exception_of_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "ACCESS_KEY_ID": "a",
        "SECRET_ACCESS_KEY": "hush",
        "ENDPOINT_URL": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with pytest.raises(AdapterError, match="AWS does not answer DescribeRules") as error:
        Aws(Access(region="eu-central-1")).call("elbv2", "describe_rules", look=True)
    assert "hush" not in str(error.value)


class Expires(BaseHTTPRequestHandler):
    """AWS, where the key `OLD` has expired."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        expired = "Credential=OLD/" in self.headers["Authorization"]
        body = EXPIRED if expired else RULES
        self.send_response(403 if expired else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


EXPIRED = b"<ErrorResponse><Error><Code>ExpiredToken</Code><Message>It expired.</Message></Error></ErrorResponse>"
RULES = b"<DescribeRulesResponse><DescribeRulesResult><Rules/></DescribeRulesResult></DescribeRulesResponse>"


def test_credentials_that_somebody_renewed_in_their_file_are_used_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Expires)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file := tmp_path / "credentials"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    aws = Aws(Access(region="eu-central-1"))
    file.write_text("[default]\naws_access_key_id = OLD\naws_secret_access_key = hush\n")
    with pytest.raises(AdapterError, match=r"does not accept the credentials \(ExpiredToken\)"):
        aws.call("elbv2", "describe_rules", look=True)
    file.write_text("[default]\naws_access_key_id = NEW\naws_secret_access_key = hush\n")
    assert aws.call("elbv2", "describe_rules", look=True) == {"Rules": []}
    server.shutdown()
    server.server_close()


def test_while_aws_throttles_a_look_shows_what_it_saw_a_moment_ago_and_nothing_older_than_a_change() -> None:
    def throttled() -> int:
        raise Throttled("wait")

    recent = Recent()
    assert [recent.of("rules", lambda: 1), recent.of("rules", throttled)] == [1, 1]
    recent.forget()
    with pytest.raises(Throttled):
        recent.of("rules", throttled)


def test_the_library_is_imported_only_by_those_who_use_it() -> None:
    code = "import sys, pilotage.cli.main, pilotage.adapters.routers.alb, pilotage.adapters.metrics.cloudwatch as m; m"
    done = subprocess.run([sys.executable, "-c", f"{code}; print('botocore' in sys.modules)"], capture_output=True)
    assert done.stdout.strip() == b"False", done.stderr.decode()
