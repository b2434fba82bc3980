"""Forms and signed reports through real HTTP: bounded, escaped, counted once, and nothing kept of who sent them
(R12, R13, R24)."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from pilotage.adapters.intake_server import MOST, Asked, Flood
from pilotage.adapters.standard_webhooks import BadSignature, key_of, signature, verify
from pilotage.app.examine_intake import examine_intake
from pilotage.app.harm import invitations
from pilotage.app.intake import Intake as Intakes
from pilotage.app.intake import impersonal, intake_of, intake_server
from pilotage.app.intake_links import links
from pilotage.app.project import Project
from pilotage.app.signed_reports import SignedReports
from pilotage.engine.records import outbox, reports
from pilotage.model.client_address import network_of
from pilotage.model.report import Report, ReportKind, ReportSource
from pilotage.render.announcement import announcement
from tests.programs import needs
from tests.unit.engine.test_order import create, wanted

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HOSTILE = "<script>alert(1)</script> \x1b[31m\u202e' OR 1=1 -- {{ 7*7 }} %s \0 </textarea>"


@dataclass
class Intake:
    project: Project
    port: int

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, str, Mapping[str, str]]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body or None, dict(headers or {}))
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text, dict(answer.getheaders())

    def send(self, path: str, address: str = "192.0.2.1", **fields: str) -> tuple[int, str]:
        status, text, _ = self.ask("POST", path, urlencode(fields).encode(), {"X-Real-IP": address})
        return status, text

    def signed(
        self, content: Any, identity: str = "msg_1", at: float | None = None, secret: str = SECRET, **forged: str
    ) -> tuple[int, str]:
        """forged: headers that replace the right ones, with _ for -."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        now = int(time.time() if at is None else at)
        mac = signature(identity, now, body, key_of(secret))
        headers = {"webhook-id": identity, "webhook-timestamp": str(now), "webhook-signature": f"v1,{mac}"}
        headers |= {name.replace("_", "-"): value for name, value in forged.items()}
        status, text, _ = self.ask("POST", "/reports", body, headers)
        return status, text

    def kept(self, *kinds: ReportKind) -> tuple[Report, ...]:
        return reports.listed(self.project.store.engine, "web", kinds or tuple(ReportKind))


@pytest.fixture
def intake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Intake]:
    monkeypatch.setenv("INTAKE_SECRET", SECRET)
    (tmp_path / "pilotage.yaml").write_text(
        """
service: web
answers: {release_type: minor, deployment_strategy: canary, team_size: small, release_frequency: weekly,
          risk_tolerance: low, stakeholder_complexity: [customer-facing]}
intake: {url: "https://feedback.example/us/", environment: production, secret: secret://env/INTAKE_SECRET,
         listen: "127.0.0.1:9", address_header: X-Real-IP, per_address: 4, per_hour: 30}
notify: [{kind: webhook, url: "https://hooks.example/x", secret: secret://env/HOOK}]
environments:
  production:
    fleet: {kind: process, command: ["./{version}/web", "{port}"], count: 1}
    router: {kind: envoy, listen: "127.0.0.1:1"}
"""
    )
    project = Project(tmp_path / "pilotage.yaml")
    create(project.store, wanted(project.store, "web", "2.0"), time.time())
    with intake_server(project, ("127.0.0.1", 0)) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield Intake(project, server.server_port)
        server.shutdown()


def harm(version: str = "2.0", **more: Any) -> dict[str, Any]:
    return {"type": "harm.reported", "data": {"version": version, "text": "the cart is empty", **more}}


# ── forms ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_form_is_shown_kept_and_thanked_for(intake: Intake) -> None:
    status, page, headers = intake.ask("GET", "/report?version=2.0")
    assert (status, "This is about version 2.0" in page, "<form" in page) == (200, True, True)
    assert "form-action 'self'" in headers["Content-Security-Policy"]
    status, _, headers = intake.ask("POST", "/report?version=2.0", b"text=It+is+broken&request=r-7")
    assert (status, headers["Location"]) == (303, "thanks")
    (one,) = intake.kept()
    assert (one.version, one.text, one.request, one.source) == ("2.0", "It is broken", "r-7", ReportSource.FORM)
    assert "Thank you" in intake.ask("GET", "/thanks")[1]


def test_a_link_that_ends_with_a_slash_leads_to_the_thanks_too(intake: Intake) -> None:
    _, _, headers = intake.ask("POST", "/report/?version=2.0", b"text=It+is+broken")
    assert headers["Location"] == "../thanks"


def test_a_flood_from_one_address_counts_once_and_is_turned_away(intake: Intake) -> None:
    codes = [intake.send("/report?version=2.0", text=f"no {n}")[0] for n in range(8)]
    assert codes == [303, 422, 422, 422, 429, 429, 429, 429]
    assert intake.send("/report?version=2.0", "198.51.100.7", text="neither")[0] == 303
    counted = reports.reported(intake.project.store.engine, ("web", "production"), "2.0", 0.0, 0.0)
    assert (counted.named, counted.unnamed, counted.trusted) == (2, 0, 0)


def test_an_ipv6_user_is_one_whatever_of_its_addresses_it_uses(intake: Intake) -> None:
    for last in range(3):
        intake.send("/report", f"2001:db8:1:2::{last}", text="broken")
    assert len(intake.kept()) == 1
    assert [network_of(a) for a in ("::ffff:192.0.2.1", "fe80::1%eth0", "nonsense")] == [
        "192.0.2.1", "fe80::/64", "nonsense",
    ]  # fmt: skip


def test_no_more_are_kept_in_an_hour_than_the_configuration_says(intake: Intake) -> None:
    codes = [intake.send("/report", f"192.0.2.{n}", text="broken")[0] for n in range(40)]
    assert codes.count(303) == 30
    assert codes[30:] == [429] * 10
    flood = Flood(1, 10)
    assert [flood.admits("a", 0.0), flood.admits("a", 3599.0), flood.admits("a", 3600.0)] == [True, False, True]


def test_nothing_of_an_address_is_in_the_store(intake: Intake) -> None:
    intake.send("/report", "203.0.113.77", text="mail me: ann.lee@example.org or call +49 170 123 45 67, order 12345")
    (one,) = intake.kept()
    assert one.text == "mail me: (removed) or call +(removed), order 12345"
    content = b"".join(path.read_bytes() for path in intake.project.directory.glob("pilotage.sqlite*"))
    assert b"203.0.113.77" not in content
    assert b"example.org" not in content.replace(b"hooks.example", b"")


def test_ratings_are_kept_with_their_words_and_nothing_else_is_a_rating(intake: Intake) -> None:
    assert intake.send("/feedback?version=2.0", rating="4", text="nice")[0] == 303
    for wrong in ("", "0", "6", "4.5", "-1", "٤", "9" * 50):
        status, page = intake.send("/feedback", "192.0.2.9", rating=wrong, text="kept <b>")
        assert (status, "Choose a rating." in page, "kept &lt;b&gt;" in page) == (422, True, True)
    (one,) = intake.kept()
    assert (one.kind, one.rating, one.version, one.text) == (ReportKind.FEEDBACK, 4, "2.0", "nice")


def test_hostile_text_is_escaped_in_every_field_of_every_form(intake: Intake) -> None:
    query = urlencode({"version": HOSTILE, "service": HOSTILE, HOSTILE: HOSTILE})
    (link,) = invitations(intake.project, "ada", 1)
    team = "/team/" + link.rpartition("/")[2]
    pages = [intake.ask("GET", f"/{form}?{query}")[1] for form in ("", "report", "feedback", "thanks", "team/x")]
    fields = dict.fromkeys(("rating", "text", "request", "service", "version", "team_satisfaction"), HOSTILE)
    pages += [intake.send(f"/feedback?{query}", **fields)[1], intake.send(team, **fields)[1]]
    pages += [intake.send("/report", **{**fields, "text": " \x00 "})[1]]
    for page in pages:
        assert not re.search(r"<script|\x1b|\u202e|\0| 49 ", page)
        assert page.count("</textarea>") <= 1
    assert intake.send(f"/report?{query}", "192.0.2.5", **fields)[0] == 303
    (one,) = intake.kept()
    assert (one.version, "\x1b" in one.text, "\0" in one.text) == ("", False, False)


def test_a_program_that_fills_in_every_field_is_thanked_and_ignored(intake: Intake) -> None:
    assert intake.send("/report", text="buy", website="https://spam.example")[0] == 303
    assert intake.kept() == ()


def test_what_is_no_form_is_refused(intake: Intake) -> None:
    assert intake.ask("POST", "/report", b"x" * (MOST + 1))[0] == 413
    assert intake.ask("POST", "/report", b"&".join(b"a=1" for _ in range(100)))[0] == 400
    assert intake.ask("GET", "/report?" + "&".join(["a=1"] * 100))[0] == 400
    assert intake.ask("POST", "/report", b"\xff\xfe=\xff&text=%FF%FE")[0] == 303, "bytes that are no text are replaced"
    assert intake.ask("GET", "/../pilotage.yaml")[0] == 404
    assert intake.ask("HEAD", "/report")[:2] == (200, "")


def test_each_member_of_the_team_answers_once_and_nobody_knows_who(intake: Intake) -> None:
    links = invitations(intake.project, "ada", 2)
    path = links[0].removeprefix("https://feedback.example/us")
    assert "How satisfied" in intake.ask("GET", path)[1]
    assert intake.send(path, team_satisfaction="4", knowledge_sharing="5")[0] == 422
    marks = {"team_satisfaction": "4", "knowledge_sharing": "5", "skill_development": "2"}
    assert intake.send(path, text="more pairing", **marks)[0] == 303
    assert intake.send(path, **marks)[0] == 404
    assert intake.ask("GET", "/team/guessed")[0] == 404
    (one,) = intake.kept()
    assert (one.kind, one.sender, one.text) == (ReportKind.TEAM, "", "more pairing")
    found = reports.team_rated(intake.project.store.engine, "web", 0.0)
    assert {name: rated.total for name, rated in found.items()} == {
        "team_satisfaction": 4, "knowledge_sharing": 5, "skill_development": 2,
    }  # fmt: skip


def test_operators_hear_of_the_first_report_about_a_rollout_and_only_of_that(intake: Intake) -> None:
    for n in range(3):
        intake.send("/report", f"192.0.2.{n}", text=f"secret words {n}")
    (posted,) = [one for one in outbox.letters(intake.project.store.engine) if "reports/" in one.key]
    assert posted.title == "web: a user reports a problem"
    assert "secret" not in json.dumps(posted.message)


# ── signed ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_published_example_of_standard_webhooks_is_verified() -> None:
    """From the test suite of its reference libraries."""
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v2,zzz",
    }  # fmt: skip
    body = b'{"test": 2432232314}'
    assert verify(headers, body, key_of(SECRET), 1614265331.0) == headers["webhook-id"]
    with pytest.raises(BadSignature):
        verify(headers, body + b" ", key_of(SECRET), 1614265331.0)


def test_a_signed_report_counts_as_one_that_somebody_vouches_for(intake: Intake) -> None:
    assert intake.signed(harm(request="r-1", reporter="customer 4711"))[0] == 201
    assert intake.signed(harm(reporter="customer 4711"), "msg_2")[0] == 201
    assert intake.signed({"type": "feedback.given", "data": {"version": "2.0", "rating": 5}}, "msg_3")[0] == 201
    assert {one.source for one in intake.kept()} == {ReportSource.SIGNED}
    counted = reports.reported(intake.project.store.engine, ("web", "production"), "2.0", 0.0)
    assert (counted.named, counted.trusted) == (1, 1), "one customer is one"


def test_wrong_old_and_future_signatures_are_refused_and_a_replayed_one_counts_once(intake: Intake) -> None:
    other = "whsec_" + base64.b64encode(b"x" * 24).decode()
    assert intake.signed(harm(), secret=other)[0] == 401
    assert intake.signed(harm(), at=time.time() - 301)[0] == 401
    assert intake.signed(harm(), at=time.time() + 420)[0] == 401
    assert intake.signed(harm(), webhook_id="msg_9")[0] == 401
    assert intake.signed(harm(), webhook_signature="v1, v1,é")[0] == 401
    assert intake.ask("POST", "/reports", json.dumps(harm()).encode())[0] == 401
    assert intake.ask("GET", "/reports")[0] == 405
    assert intake.kept() == ()
    assert intake.signed(harm()) == (201, '{"message": "received"}\n')
    assert intake.signed(harm()) == (200, '{"message": "received before; it counts once"}\n')
    assert len(intake.kept()) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[" * 9_000, "not a report"),
        (b"\xff", "not a report"),
        ({"type": "harm.reported"}, "not a report"),
        ({"type": "other"}, "type must be one of harm.reported, feedback.given"),
        (harm("3.0"), "data.version must be one of 2.0"),
        (harm(text=" "), "data.text must say"),
        (harm(text=7), "not a report"),
        (harm(service="shop"), "data.service must be one of web"),
        ({"type": "feedback.given", "data": {"rating": 6}}, "data.rating must be"),
        ({"type": "feedback.given", "data": {"rating": True}}, "not a report"),
    ],
)
def test_a_signed_report_that_is_wrong_says_what_is(intake: Intake, content: Any, words: str) -> None:
    status, said = intake.signed(content)
    assert (status, words in said) == (422, True), said
    assert intake.kept() == ()


def test_text_without_personal_data_stays_as_it_is() -> None:
    text = "v2.0 fails on 2026-11-26 at 12:04, twice\n@ checkout: error 50012345"
    assert impersonal(text) == text


def test_the_shell_example_of_the_guide_is_accepted(intake: Intake) -> None:
    """R24: a support desk begins with what it can copy."""
    for program in ("bash", "openssl", "curl"):
        needs(program)
    guide = Path(__file__).parents[3] / "docs/guides/feedback.md"
    (example,) = re.findall(r"```bash\n(.*?)```", guide.read_text(), re.DOTALL)
    example = example.replace('"2.4.0"', '"2.0"')
    variables = {"INTAKE_SECRET": SECRET, "INTAKE_URL": f"http://127.0.0.1:{intake.port}"}
    done = subprocess.run(["bash", "-c", example], capture_output=True, text=True, env={**os.environ, **variables})
    assert json.loads(done.stdout) == {"message": "received"}, done
    (one,) = intake.kept()
    assert (one.version, one.text) == ("2.0", "the cart is empty")


def test_announcements_lead_to_the_forms_where_there_are_any(intake: Intake) -> None:
    """R22's customer feedback asks where it can be answered."""
    loaded = intake.project.loaded
    facts = {"service": "web", "version": "2.0", **links(loaded, "2.0")}
    text = announcement("customer_feedback", facts)
    assert "Rate it here: https://feedback.example/us/feedback?service=web&version=2.0" in text
    without = {**facts, "feedback_url": "", "report_url": ""}
    assert announcement("customer_feedback", without) == "How do you like web 2.0?"


def test_doctor_says_whether_the_intake_answers_and_its_secret_can_be_used(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    (found,) = examine_intake(intake.project)
    assert (found.result, "pilotage serve-intake" in found.sentence) == ("WARN", True)
    monkeypatch.setenv("INTAKE_SECRET", "whsec_short")
    (found,) = examine_intake(intake.project)
    assert (found.result, "intake.secret" in found.sentence, "whsec_short" in found.sentence) == ("FAIL", True, False)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(["report", "feedback", "team/x", "reports", "thanks", ""]), text=st.text(), body=st.binary()
)
def test_whatever_comes_is_answered_and_nothing_of_it_becomes_part_of_a_page(
    intake: Intake, path: str, text: str, body: bytes
) -> None:
    section = intake_of(intake.project)
    fields = dict.fromkeys(("text", "request", "rating", "version", "service"), text)
    for content in (body, urlencode(fields, errors="replace").encode()):
        asked = Asked(method="POST", path=f"/{path}", query={"version": text}, body=content, address="192.0.2.1")
        answered = SignedReports(intake.project, section).answer(asked) if path == "reports" else None
        answered = answered or Intakes(intake.project, section).answer(asked)
        assert answered.status in (200, 303, 400, 401, 404, 422, 429)
        inside = answered.content.partition("<body>")[2]
        if "<" in text and len(text) > 3 and inside:  # a shorter one may be the page's own
            assert text not in inside
