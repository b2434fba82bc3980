"""R34: messages of CI and registries that start a release, and other doors without an account."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook

from pilotage.engine.records.tables_identity import links
from tests.web.site import CONFIG, Got, Served, served

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HOOKS = """\
server:
  hooks:
    github:
      {kind: github, secret: secret://env/HOOK_SECRET, service: shop, environment: staging, event: release,
       when: {$.action: published}, version: $.release.tag_name, strip: v}
    gitlab:
      {kind: gitlab, secret: secret://env/HOOK_SECRET, service: shop, environment: staging, version: $.ref}
    signed:
      {kind: signed, secret: secret://env/HOOK_SECRET, service: shop, environment: staging, version: $.data.version}
    registry:
      {kind: token, secret: secret://env/HOOK_SECRET, service: shop, environment: staging,
       version: "$.event_data.resources[0].tag"}
    unset: {kind: token, secret: secret://env/HOOK_NOT_SET, service: shop, environment: staging}
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    # What is sent is recorded; nothing here may roll out.
    monkeypatch.setattr("pilotage.app.hooks.attend", lambda *_: None)
    for version in ("2.5.0", "2.6.0", "2.7.0", "2.8.0"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "serve").write_text("#!/bin/sh\n")
        (tmp_path / version / "serve").chmod(0o755)
    with served(tmp_path, CONFIG + HOOKS) as found:
        yield found


def sent(server: Served, hook: str, body: bytes, headers: Mapping[str, str]) -> Got:
    return server.anybody().ask("POST", f"/api/v1/hooks/{hook}", body, headers)


def from_github(body: bytes, delivery: str = "d1", event: str = "release", secret: str = SECRET) -> dict[str, str]:
    signed = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={signed}", "X-GitHub-Delivery": delivery, "X-GitHub-Event": event}


PUBLISHED = json.dumps({"action": "published", "release": {"tag_name": "v2.5.0"}}).encode()


def test_r34_a_release_published_at_github_is_deployed_once(server: Served) -> None:
    got = sent(server, "github", PUBLISHED, from_github(PUBLISHED))
    assert got.status == 202, got.text
    rollout = server.store.look_up(got.json["rollout"])
    assert (rollout.version, rollout.environment, rollout.actor) == ("2.5.0", "staging", "hook github")
    again = sent(server, "github", PUBLISHED, from_github(PUBLISHED))
    assert (again.status, again.json["sentence"]) == (202, "ignored: this message was taken before")
    assert len(server.store.history("shop")) == 1
    # GitHub signs the body, and no id: a message that somebody overheard is the same under every id, for a year.
    replayed = sent(server, "github", PUBLISHED, from_github(PUBLISHED, "d2"))
    assert (replayed.status, replayed.json["sentence"]) == (202, "ignored: this message was taken before")
    with server.store.engine.connect() as connection:
        expires = connection.execute(select(links.c.expires_at).where(links.c.purpose == "seen")).scalars().all()
    assert max(expires) > time.time() + 300 * 86400


def test_what_was_refused_counts_when_it_is_sent_again(server: Served) -> None:
    program = server.site.project.folder / "2.5.0" / "serve"
    program.chmod(0o644)
    assert sent(server, "github", PUBLISHED, from_github(PUBLISHED)).status == 409
    program.chmod(0o755)
    assert sent(server, "github", PUBLISHED, from_github(PUBLISHED)).json["rollout"]


def test_r34_what_is_not_signed_so_or_not_now_starts_nothing(server: Served) -> None:
    for headers in (
        {}, from_github(PUBLISHED, secret="another"), {**from_github(PUBLISHED), "X-Hub-Signature-256": "sha256="},
        {**from_github(PUBLISHED), "X-Hub-Signature-256": from_github(PUBLISHED + b" ")["X-Hub-Signature-256"]},
    ):  # fmt: skip
        got = sent(server, "github", PUBLISHED, headers)
        assert (got.status, got.json["code"]) == (401, "unproven-message")
    body = json.dumps({"data": {"version": "2.6.0"}}).encode()
    old = int(time.time()) - 301
    signature = Webhook(SECRET).sign("m1", _moment(old), body.decode())
    headers = {"webhook-id": "m1", "webhook-timestamp": str(old), "webhook-signature": signature}
    assert sent(server, "signed", body, headers).status == 401
    assert sent(server, "none", body, headers).status == 404
    got = sent(server, "unset", body, {"Authorization": "Bearer "})
    assert (got.status, "HOOK_NOT_SET" in got.text) == (503, True)
    assert server.store.history("shop") == ()


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def test_each_sender_is_proven_in_its_own_way(server: Served) -> None:
    now = int(time.time())
    body = json.dumps({"data": {"version": "2.6.0"}}).encode()
    signature = Webhook(SECRET).sign("m1", _moment(now), body.decode())
    headers = {"webhook-id": "m1", "webhook-timestamp": str(now), "webhook-signature": signature}
    assert sent(server, "signed", body, headers).json["rollout"]
    tag = json.dumps({"ref": "2.7.0"}).encode()
    assert sent(server, "gitlab", tag, {"X-Gitlab-Token": "wrong"}).status == 401
    # Another version is under way: it waits for its turn.
    assert "rolls out after 2.6.0" in sent(server, "gitlab", tag, {"X-Gitlab-Token": SECRET}).json["sentence"]
    pushed = json.dumps({"event_data": {"resources": [{"tag": "2.8.0"}]}}).encode()
    assert sent(server, "registry", pushed, {"Authorization": f"Bearer {SECRET}"}).status == 202


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{", 400, "no JSON"),
        (b'{"ref": ""}', 400, "is no version"),
        (b'{"ref": 7}', 400, "is no version"),
        (b'{"ref": "../etc"}', 400, "of the message"),
        (b'{"ref": "<script>alert(1)</script>"}', 400, "of the message"),
        (b"[" * 100_000, 400, "no JSON"),
        (b" " * 1_000_001, 413, "1,000,000"),
    ],
)
def test_hostile_messages_get_one_sentence(server: Served, body: bytes, status: int, said: str) -> None:
    got = sent(server, "gitlab", body, {"X-Gitlab-Token": SECRET})
    assert (got.status, said in got.json["detail"]) == (status, True), got.text


def test_other_events_are_taken_and_ignored(server: Served) -> None:
    body = json.dumps({"action": "created", "release": {"tag_name": "v9"}}).encode()
    assert (
        sent(server, "github", body, from_github(body, "d2")).json["sentence"] == "ignored: $.action is not published"
    )
    ping = from_github(body, "d3", event="ping")
    assert sent(server, "github", body, ping).json["sentence"] == "ignored: ping is not release"


def test_doors_that_the_configuration_does_not_have_are_closed(server: Served) -> None:
    for path in ("/public/status/", "/public/forms/"):
        assert server.anybody().get(path).status == 404
    assert server.anybody().ask("POST", "/slack", b"payload={}", {}).status == 404


def test_r23_the_status_page_and_the_forms_are_shown_to_anybody_where_they_are_configured(
    tmp_path: Path,
) -> None:
    page = "status_page: {title: Shop, environment: production, folder: public}\n"
    forms = "intake: {url: 'https://feedback.example.org', environment: production}\n"
    (tmp_path / "public").mkdir()
    (tmp_path / "public" / "index.html").write_text("<h1>Shop</h1>")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "public" / "link.txt").symlink_to(tmp_path / "secret.txt")
    with served(tmp_path, CONFIG + page + forms) as server:
        anybody = server.anybody()
        assert anybody.get("/public/status/").text == "<h1>Shop</h1>"
        for path in ("../secret.txt", "%2e%2e/secret.txt", "link.txt", "..%2f..%2fpilotage.yaml", "a%2500b"):
            assert anybody.get(f"/public/status/{path}").status == 404
        assert "Report a problem" in anybody.get("/public/forms/").text
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        got = anybody.ask("POST", "/public/forms/report", b"service=shop&text=the+basket+is+empty", form)
        assert (got.status, got.headers["location"]) == (303, "thanks")
