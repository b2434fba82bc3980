"""Tickets of help desks as users' reports (R12, R13, R32): payloads as the vendors document them, over real HTTP."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from pydantic import ValidationError

from pilotage.adapters import desk_signatures
from pilotage.adapters.intake_server import MOST_OF_A_TICKET, Asked
from pilotage.adapters.standard_webhooks import BadSignature
from pilotage.app.helpdesk import PATH, HelpDesk
from pilotage.app.intake import intake_of, intake_server
from pilotage.app.project import Project
from pilotage.config.fields import Misplaced
from pilotage.config.intake import HelpdeskSection, IntakeSection
from pilotage.engine.records import reports
from pilotage.model.report import ReportSource

from ..engine.test_order import create, wanted
from .test_intake import Intake

SECRET = "do-not-show-this-secret"

ZENDESK = {
    "type": "zen:event-type:ticket.created", "account_id": 22129848, "id": "cbe4028c-7239-495d-b020-f22348516046",
    "time": "2025-01-08T10:12:07.672717030Z", "zendesk_event_version": "2022-11-06", "subject": "zen:ticket:5158",
    "detail": {
        "actor_id": "8447388090494", "assignee_id": "8447388090494", "brand_id": "8447346621310", "custom_status": "8",
        "created_at": "2025-01-08T10:12:07Z", "description": "The cart is empty after I sign in", "external_id": None,
        "form_id": "8646151517822", "group_id": "8447320466430", "id": "5158", "is_public": True, "priority": "LOW",
        "organization_id": "8447346622462", "requester_id": "8447388090494", "status": "OPEN", "type": "TASK",
        "subject": "cart", "submitter_id": "8447388090494", "tags": ["checkout", "2.0"],
        "updated_at": "2025-01-08T10:12:07Z", "via": {"channel": "web_service"},
    },
    "event": {"meta": {"sequence": {"id": "39B7FB84AFE60D8B", "position": 1, "total": 1}}},
}  # fmt: skip
"""https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events/"""

INTERCOM = {
    "type": "notification_event", "app_id": "a86dr8yl", "topic": "conversation.user.created", "delivery_attempts": 1,
    "id": "notif_ccd8a4d0-f965-11e3-a367-c779cae3e1b3", "created_at": 1392731331, "first_sent_at": 1392731392,
    "data": {
        "type": "notification_event_data",
        "item": {
            "type": "conversation", "id": "1295", "created_at": 1392731331, "updated_at": 1392731331, "state": "open",
            "source": {
                "type": "conversation", "id": "3", "delivered_as": "customer_initiated", "subject": "",
                "body": "<p>The <b>cart</b> is empty &amp; stays so</p>", "url": None,
                "author": {"type": "user", "id": "5310d8e7598c9a0b24000002", "name": "Mary Jones"},
            },
            "custom_attributes": {"app_version": "2.0"},
        },
    },
}  # fmt: skip
"""https://developers.intercom.com/docs/references/webhooks/webhook-models"""

JIRA = {
    "timestamp": 1606480436302, "webhookEvent": "jira:issue_created", "issue_event_type_name": "issue_created",
    "user": {"accountId": "99:27935d01-92a7-4687-8272-a9b8d3b2ae2e", "displayName": "Bryan"},
    "issue": {
        "id": "99291", "key": "SUP-1", "self": "https://jira.example/rest/api/2/issue/99291",
        "fields": {
            "summary": "The cart is empty", "description": None, "labels": ["UI"], "priority": {"name": "Minor"},
            "versions": [{"name": "1.0"}, {"name": "2.0"}], "reporter": {"accountId": "557058:4ee0", "active": True},
            "issuetype": {"name": "[System] Incident"}, "project": {"key": "SUP"},
        },
    },
}  # fmt: skip
"""https://developer.atlassian.com/cloud/jira/platform/webhooks/"""

FRESHDESK = {"id": 41, "text": "The cart is empty", "reporter": "mary@example.org", "version": "2.0"}
"""Placeholders of an automation rule, as the guide writes them."""

Sends = Callable[..., tuple[int, str]]


def signed(kind: str, body: bytes, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    match kind:
        case "zendesk":
            stamp = f"{datetime.fromtimestamp(time.time() if at is None else at, UTC):%Y-%m-%dT%H:%M:%SZ}"
            mac = hmac.new(secret.encode(), stamp.encode() + body, hashlib.sha256).digest()
            return {
                "X-Zendesk-Webhook-Signature": base64.b64encode(mac).decode(),
                "X-Zendesk-Webhook-Signature-Timestamp": stamp,
            }
        case "intercom":
            return {"X-Hub-Signature": f"sha1={hmac.new(secret.encode(), body, 'sha1').hexdigest()}"}
        case "jira":
            return {"X-Hub-Signature": f"sha256={hmac.new(secret.encode(), body, 'sha256').hexdigest()}"}
    return {"X-Pilotage-Token": secret}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Intake]]:
    """An intake server whose help desk is configured so."""
    monkeypatch.setenv("DESK_SECRET", SECRET)
    with ExitStack() as running:

        def serve(**section: Any) -> Intake:
            given = {"secret": "secret://env/DESK_SECRET", **section}
            environment = {
                "fleet": {"kind": "process", "command": ["./{version}/web", "{port}"]},
                "router": {"kind": "envoy", "listen": "127.0.0.1:1"},
            }
            answers = {
                "release_type": "minor", "deployment_strategy": "canary", "team_size": "small",
                "release_frequency": "weekly", "risk_tolerance": "low", "stakeholder_complexity": ["customer-facing"],
            }  # fmt: skip
            intake = {"url": "https://feedback.example", "environment": "production", "helpdesk": given, "per_hour": 40}
            whole = {
                "service": "web",
                "answers": answers,
                "intake": intake,
                "environments": {"production": environment},
            }
            (tmp_path / "pilotage.yaml").write_text(json.dumps(whole))
            project = Project(tmp_path / "pilotage.yaml")
            create(project.store, wanted(project.store, "web", "2.0"), time.time())
            server = running.enter_context(intake_server(project, ("127.0.0.1", 0)))
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            running.callback(server.shutdown)
            return Intake(project, server.server_port)

        yield serve


def send(intake: Intake, kind: str, ticket: object, **more: Any) -> tuple[int, str]:
    body = ticket if isinstance(ticket, bytes) else json.dumps(ticket).encode()
    status, text, _ = intake.ask("POST", PATH, body, more.pop("headers", None) or signed(kind, body, **more))
    return status, text


@pytest.mark.parametrize(
    ("kind", "ticket", "more"),
    [
        ("zendesk", ZENDESK, {"version": "$.detail.tags[*]"}),
        ("intercom", INTERCOM, {"version": "$.data.item.custom_attributes.app_version"}),
        ("jira", JIRA, {}),
        ("freshdesk", FRESHDESK, {}),
        ("token", FRESHDESK, {"text": "$.text", "id": "$.id", "version": "$.version"}),
    ],
)
def test_r13_a_ticket_of_each_desk_is_a_report_of_its_version_and_counts_once(
    desk: Callable[..., Intake], kind: str, ticket: Mapping[str, Any], more: dict[str, str]
) -> None:
    intake = desk(kind=kind, **more)
    assert [send(intake, kind, ticket)[0] for _ in range(3)] == [201, 200, 200], "a desk repeats what got no answer"
    (one,) = intake.kept()
    assert (one.version, one.source) == ("2.0", ReportSource.SIGNED)
    assert "cart" in one.text
    assert "<" not in one.text
    counted = reports.reported(intake.project.store.engine, ("web", "production"), "2.0", 0.0, 0.0)
    assert (counted.named, counted.trusted) == (1, 1)
    assert "mary" not in str(one), "the customer is kept as a hash"


@pytest.mark.parametrize(
    ("kind", "ticket", "place", "created"),
    [
        ("zendesk", ZENDESK, ("detail", "created_at"), "2024-11-30T10:12:07Z"),
        ("intercom", {**INTERCOM, "topic": "conversation.user.replied"}, ("data", "item", "created_at"), 1389731331),
        ("jira", {**JIRA, "timestamp": 1606480436302}, ("issue", "fields", "created"), "2020-10-01T10:00:00.000+0000"),
    ],
)
def test_r13_an_update_of_an_old_ticket_is_no_new_report(
    desk: Callable[..., Intake], kind: str, ticket: dict[str, Any], place: tuple[str, ...], created: object
) -> None:
    """A problem of last month says nothing about the version that is released now."""
    old = copy.deepcopy(ticket)
    holder = old
    for name in place[:-1]:
        holder = holder[name]
    holder[place[-1]] = created
    intake = desk(kind=kind)
    status, said = send(intake, kind, old)
    assert (status, "is older than a day" in said) == (200, True), said
    assert not intake.kept()


def test_one_customer_with_many_tickets_counts_once(desk: Callable[..., Intake]) -> None:
    intake = desk(kind="freshdesk")
    for number in range(5):
        assert send(intake, "freshdesk", {**FRESHDESK, "id": number})[0] == 201
    counted = reports.reported(intake.project.store.engine, ("web", "production"), "2.0", 0.0, 0.0)
    assert counted.named == 1


@pytest.mark.parametrize("kind", ["zendesk", "intercom", "jira", "freshdesk"])
def test_what_is_not_signed_with_this_secret_is_refused(desk: Callable[..., Intake], kind: str) -> None:
    intake = desk(kind=kind)
    body = json.dumps(ZENDESK).encode()
    assert send(intake, kind, body, secret="another")[0] == 401
    assert send(intake, kind, body, headers={"X-Nothing": "x"})[0] == 401
    if kind != "freshdesk":
        assert send(intake, kind, body + b" ", headers=signed(kind, body))[0] == 401
    if kind == "zendesk":
        for at in (time.time() - 400, time.time() + 400):
            assert send(intake, kind, body, at=at)[0] == 401
    assert intake.kept() == ()
    assert intake.ask("GET", PATH)[0] == 405


def test_zendesks_signature_is_over_the_time_and_then_the_body() -> None:
    """`base64(HMACSHA256(TIMESTAMP + BODY))`: https://developer.zendesk.com/documentation/webhooks/verifying/"""
    at = "2021-07-25T10:00:00Z"
    secret, body = "HRkRd4BeOAoUkfZr-mhauJT64rvBASlJRoIyPsd3zeA=", b'{"say": "hello"}'
    mac = base64.b64encode(hmac.new(secret.encode(), at.encode() + body, hashlib.sha256).digest()).decode()
    headers = {"x-zendesk-webhook-signature": mac, "x-zendesk-webhook-signature-timestamp": at}
    now = datetime.fromisoformat(at).timestamp()
    desk_signatures.zendesk(headers, body, secret, now)
    with pytest.raises(BadSignature, match="too old"):
        desk_signatures.zendesk(headers, body, secret, now + 301)


def test_what_is_about_something_else_is_accepted_and_not_counted(desk: Callable[..., Intake]) -> None:
    """A desk that gets errors stops sending."""
    intake = desk(kind="freshdesk", only={"$.tags[*]": "incident"})
    status, said = send(intake, "freshdesk", FRESHDESK)
    assert (status, "not counted: $.tags[*] does not have 'incident'" in said) == (200, True)
    tagged = {**FRESHDESK, "tags": ["vip", "incident"]}
    assert send(intake, "freshdesk", {**tagged, "version": "0.9"})[0] == 200, "of a version that nobody has"
    assert send(intake, "freshdesk", {"topic": "ping", "tags": ["incident"]})[0] == 200
    assert intake.kept() == ()
    assert send(intake, "freshdesk", {**tagged, "version": None})[0] == 201, "it may mean the rollout in progress"
    assert [one.version for one in intake.kept()] == [""]


HOSTILE = [
    (b"[" * 100_000, 400), (b"{", 400), (b"\xff\xfe", 400), (b"", 400), (b"[]", 200), (b"null", 200), (b'"x"', 200),
    (b'{"id": {"a": 1}, "text": "x"}', 422), (b'{"id": 1, "text": {"a": 1}}', 422), (b'{"id": 1}', 422),
    (b'{"id": true, "text": "x"}', 422), (b'{"id": 1, "text": "<p></p>"}', 200),
    (b'{"id": 1e999, "text": "x"}', 422),
    (b'{"id": ' + b"9" * 9000 + b', "text": "x"}', 400),
    (b'{"id": 1, "text": "x", "version": [1]}', 200),
    (b"[" + b" " * (MOST_OF_A_TICKET + 1), 413),
]  # fmt: skip


def test_hostile_json_is_refused_and_keeps_nothing(desk: Callable[..., Intake]) -> None:
    intake = desk(kind="freshdesk")
    assert [(body[:40], send(intake, "freshdesk", body)[0]) for body, _ in HOSTILE] == [
        (body[:40], status) for body, status in HOSTILE
    ]
    assert intake.kept() == ()


def test_a_ticket_that_is_larger_than_a_form_arrives_and_its_words_are_bounded(desk: Callable[..., Intake]) -> None:
    intake = desk(kind="freshdesk")
    text = "broken \u202e <script>x</script> call 0049 30 1234567 " * 3000
    assert send(intake, "freshdesk", {**FRESHDESK, "text": text})[0] == 201
    (one,) = intake.kept()
    assert len(one.text) <= 2000
    assert not {"<", "\u202e", "1234567"} & set(one.text.split())


def test_more_tickets_than_an_hour_may_have_are_turned_away(desk: Callable[..., Intake]) -> None:
    intake = desk(kind="freshdesk")
    codes = [send(intake, "freshdesk", {**FRESHDESK, "id": n})[0] for n in range(42)]
    assert codes == [201] * 40 + [429] * 2


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HelpDesk]:
    folder, monkeypatch = tmp_path_factory.mktemp("desk"), pytest.MonkeyPatch()
    monkeypatch.setenv("DESK_SECRET", SECRET)
    text = """
service: web
answers: {release_type: minor, deployment_strategy: canary, team_size: small, release_frequency: weekly,
          risk_tolerance: low, stakeholder_complexity: [customer-facing]}
intake: {url: "https://feedback.example", environment: production, per_hour: 100000,
         helpdesk: {kind: token, secret: secret://env/DESK_SECRET, text: $.a, id: $.b, version: "$.c[*]",
                    reporter: $.d}}
environments:
  production:
    fleet: {kind: process, command: ["./{version}/web", "{port}"]}
    router: {kind: envoy, listen: "127.0.0.1:1"}
"""
    (folder / "pilotage.yaml").write_text(text)
    project = Project(folder / "pilotage.yaml")
    yield HelpDesk(project, intake_of(project))
    monkeypatch.undo()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ticket=JSON)
def test_no_ticket_whatever_it_is_breaks_the_desk(plain: HelpDesk, ticket: Any) -> None:
    headers = {"x-pilotage-token": SECRET}
    answered = plain.answer(Asked(method="POST", path=PATH, headers=headers, body=json.dumps(ticket).encode()))
    assert answered.status in (200, 201, 400, 422)


def test_a_desk_that_sends_its_own_json_must_say_where_text_and_id_are() -> None:
    given = {"kind": "token", "secret": "secret://env/X"}
    with pytest.raises((ValidationError, Misplaced), match=r"such as \$.ticket.text"):
        HelpdeskSection.model_validate(given)
    with pytest.raises(ValidationError, match="is not a path"):
        HelpdeskSection.model_validate({**given, "kind": "jira", "text": "issue.summary"})


def test_the_example_of_the_guide_is_valid() -> None:
    page = (Path(__file__).parents[3] / "docs/guides/feedback.md").read_text().partition("## Tickets of your")[2]
    example = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])
    assert IntakeSection.model_validate(example["intake"]).helpdesk is not None
