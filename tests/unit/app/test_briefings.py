"""Briefings (4b): what a release delivers by kind and path, what lowers its risk, and only what is known."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pilotage import Service
from pilotage.cli.main import cli
from pilotage.engine.records import outbox
from pilotage.engine.records.store import Store
from pilotage.model.json import each, object_at, text_at
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.rollout import Decision, Event, Mode, Status
from pilotage.model.snapshot import Snapshot
from pilotage.render.announcement_document import document_of
from pilotage.rollout.machine import begin
from tests.plans import a_plan

CONFIGURATION: dict[str, Any] = {
    "service": "shop",
    "answers": {
        "release_type": "minor", "deployment_strategy": "canary", "team_size": "medium", "release_frequency": "weekly",
        "risk_tolerance": "medium", "stakeholder_complexity": ["enterprise"],
    },
    "notify": [{"kind": "webhook", "url": "https://example.org/in", "secret": "secret://env/S",
                "audiences": ["executives", "compliance"]}],
    "notes": {"support": {"training": "https://train.example", "contact": "help@example.org"}},
    "environments": {
        "production": {
            "fleet": {"kind": "process", "command": ["shop", "{port}", "{version}"]},
            "router": {"kind": "envoy", "listen": "127.0.0.1:18080"},
        }
    },
}  # fmt: skip
API = {"openapi": "3.0.0", "paths": {"/orders": {"get": {"responses": {"200": {"description": "fine"}}}}}}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pilotage.engine.execution.supervisor.ensure_worker", lambda *_: None)
    configure(tmp_path)
    git("init", "-q", "-b", "main")
    (tmp_path / "openapi.json").write_text(json.dumps(API))
    commit("feat: first")
    git("tag", "v1.0.0")
    commit("feat: coupons for everybody", "Value: customers come back")
    commit("fix(security): close the open redirect", "Changelog: security")
    commit("perf: searches are twice as fast")
    commit("feat(webhooks): deliveries are signed")
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "refunds.py").write_text("")
    commit("feat: refunds")
    (tmp_path / "openapi.json").write_text(json.dumps({**API, "paths": {}}))
    commit("chore: drop what nobody calls")
    return tmp_path


def configure(folder: Path, **changes: Any) -> None:
    (folder / "pilotage.yaml").write_text(json.dumps({**CONFIGURATION, **changes}))


def git(*arguments: str) -> None:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@x", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


def commit(*paragraphs: str) -> None:
    git("add", ".")
    git("commit", "-q", "--allow-empty", *(part for one in paragraphs for part in ("-m", one)))


def announce(*arguments: str, expect: int = 0) -> str:
    done = CliRunner().invoke(cli, ["announce", *arguments], env={"PILOTAGE_ACTOR": "eve"})
    assert (done.exit_code == 0) is (expect == 0), done.output
    return done.output


def shown(item: str) -> str:
    return announce("show", item, "2.0.0", "--range", "v1.0.0..HEAD", "--date", "2027-06-18", "--as-of", "2026-11-24")


def test_4b_deliverables_by_kind_and_path(folder: Path) -> None:
    assert folder.exists()
    text = shown("executive_briefing")
    assert "What it is worth:\n- Customers come back" in text
    assert "Features:\n- Coupons for everybody\n\n" in text
    assert "Security and compliance:\n- Close the open redirect\n" in text
    assert "Performance and scalability:\n- Searches are twice as fast\n" in text
    _, _, api = text.partition("Integration and API:\n")
    assert "- GET /orders: is gone" in api
    assert "- Deliveries are signed" in api, "by its scope"
    assert "- Refunds" in api, "by the path that it touches"


def test_4b_executives_and_it_read_the_risk_of_the_change_and_executives_what_success_is(folder: Path) -> None:
    text = shown("executive_briefing")
    assert "What counts as success:\n- errors below 0.1 %\n- 95 % of answers within 500ms\n" in text
    assert "Risk of the change" not in text, "nothing serves, so nobody knows the range"
    serve(folder, "1.0.0")
    for item in ("executive_briefing", "it_leadership_briefing"):
        assert re.search(
            r"Risk of the change: \w+: .* probability that .* will need a fix within 30 days.*\.\n", shown(item)
        ), item


def serve(folder: Path, version: str) -> None:
    """The version serves all users."""
    with contextlib.closing(Store(folder / ".pilotage")) as store:
        plan = a_plan(service=Service("shop"), version=version)
        made = store.create(plan, begin(plan, None, Mode.INITIAL), Snapshot(cwd=str(folder)), "ada", 1_790_000_000.0)
        state = replace(made.state, status=Status.COMPLETED, at=1_790_000_010.0)
        store.record(made, Decision(state, (), (Event("completed", "the end"),)), None, NOTHING_SEEN)


def test_4b_nothing_is_said_to_lower_the_risk_that_nobody_has_shown(folder: Path) -> None:
    assert "lowers the risk" not in shown("executive_briefing")
    configure(folder, readiness={"evidence": {"unit_test_coverage": {"coverage": "coverage.xml"}}})
    assert "lowers the risk" not in shown("executive_briefing")


def test_4b_what_lowers_the_risk_comes_with_its_evidence(folder: Path) -> None:
    configure(folder, readiness={"artifact": "shop.tar"})
    (folder / "shop.tar").write_bytes(b"the artifact")
    done = CliRunner().invoke(
        cli,
        ["sign-off", "support lead", "2.0.0", "--date", "2027-06-18", "--as-of", "2026-11-24",
         "--item", "support_team_training", "-m", "12 of 12 trained"],
        env={"PILOTAGE_ACTOR": "sue"},
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    text = shown("executive_briefing")
    assert "What lowers the risk:\n- Support team trained: sue (support lead): 12 of 12 trained\n" in text
    assert "Tests completed" not in text
    digest = hashlib.sha256(b"the artifact").hexdigest()
    assert f"is bound to the artifact {digest}" in shown("compliance_impact")


def test_4b_a_document_goes_with_its_mail_as_a_page_that_needs_nothing_beside_it(folder: Path) -> None:
    when = ("--date", "2027-06-18", "--as-of", "2026-11-24")
    announce("approve", "executive_briefing", "2.0.0", *when)
    announce("send", "executive_briefing", "2.0.0", "--range", "v1.0.0..HEAD", *when)
    store = Store(folder / ".pilotage")
    (letter,) = outbox.letters(store.engine)
    store.close()
    (attached,) = each(object_at, letter.message, "attachments")
    page = text_at(attached, "content")
    assert (attached["name"], attached["type"]) == ("shop-2.0.0-executive-briefing.html", "text/html")
    assert "<h2>Features</h2>" in page
    assert "<li>Coupons for everybody</li>" in page
    for outside in ("src=", "@import", "<link"):
        assert outside not in page


def test_4a_an_invitation_has_its_calendar_entry_though_nothing_tracked_the_release_before(folder: Path) -> None:
    answers = {**CONFIGURATION["answers"], "stakeholder_complexity": ["customer-facing"]}
    channel = {**CONFIGURATION["notify"][0], "audiences": ["customers"]}
    configure(folder, answers=answers, notify=[channel], meetings={"webinar_link": "https://meet.example"})
    when = ("--date", "2027-06-18", "--as-of", "2026-11-24")
    announce("approve", "webinar_scheduling", "2.0.0", *when)
    announce("send", "webinar_scheduling", "2.0.0", *when)
    with contextlib.closing(Store(folder / ".pilotage")) as store:
        (letter,) = outbox.letters(store.engine)
    (entry,) = each(object_at, letter.message, "attachments")
    assert text_at(entry, "type").startswith("text/calendar")
    assert "DTSTART:20270622T150000Z" in text_at(entry, "content")


def test_a_documents_parts_are_its_lists() -> None:
    made = document_of("T", "Lead <b>.\nSecond.\n\nFeatures:\n- one\n- two\n\nThe end.")
    assert made.lead == ("Lead <b>.", "Second.")
    assert [(part.title, part.bullets, part.sentences) for part in made.sections] == [
        ("Features", ("one", "two"), ()), ("Also", (), ("The end.",)),
    ]  # fmt: skip


@pytest.mark.parametrize("item", ["end_user_feedback"])
def test_a_question_without_a_way_to_answer_is_not_sent(folder: Path, item: str) -> None:
    assert "it asks for an answer, and names no form" in shown(item)
    configure(folder, intake={"url": "https://in.example", "secret": "secret://env/S", "environment": "production"})
    assert "Rate it here: https://in.example/feedback" in shown(item)
