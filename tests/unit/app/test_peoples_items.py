"""What stands behind a person's word (R5, R6): states of announcements, drafts, documents, pages, people, tickets."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from pilotage.app.readiness.documents import names
from pilotage.app.readiness.people import people_in
from pilotage.app.signoffs import approved_alone
from pilotage.model.answers import Answers
from pilotage.model.readiness import BadEvidence, Readiness, Signature, SignatureKind
from pilotage.plan.making import make_plan
from tests.receiving.service_now import ServiceNow
from tests.unit.app.test_fitting_readiness import as_somebody, configured, deployed, gates
from tests.unit.cli.test_planning_command import run

ROLES = ("support lead", "product owner", "product manager", "compliance officer", "change manager", "DevOps engineer")
PEOPLE = f"people:\n  ada: {{roles: [{', '.join(ROLES)}], aliases: [Ada L]}}\n  bob: {{roles: [support lead]}}\n"
SUPPORT = ("support_team_training", "support_team_readiness", "support_documentation", "training_materials")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    with_evidence(tmp_path)
    return tmp_path


def with_evidence(place: Path, **evidence: Any) -> None:
    section = {"staging": "staging", "evidence": evidence} if evidence else {"staging": "staging"}
    configured(place, f"readiness: {json.dumps(section)}\n", PEOPLE)


def sign(role: str, *options: str) -> tuple[int, str]:
    return as_somebody("ada", "sign-off", role, "2.4.0", "-e", "production", *options)


def announce(item: str, *command: str) -> None:
    done = as_somebody("ada", "announce", command[0], item, "2.4.0", *command[1:], "-e", "production")
    assert done[0] == 0, done


# ── one signature, one item ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("place")
def test_r6_a_sign_off_names_its_items() -> None:
    status, told = sign("support-lead")
    assert status == 2
    assert all(f"--item {item}" in told for item in SUPPORT)
    assert {gates()[item]["status"] for item in SUPPORT} == {"not-ready"}
    assert sign("support-lead", "--item", "training_materials")[0] == 0
    assert [item for item in SUPPORT if gates()[item]["status"] == "ready"] == ["training_materials"]
    assert sign("support-lead", "--item", "qa_validation")[0] == 2
    assert sign("support-lead", "--all")[0] == 0
    assert {gates()[item]["status"] for item in SUPPORT} == {"ready"}
    assert sign("qa-lead")[0] == 8  # one item needs no name; ada is no QA lead


# ── states of announcements ────────────────────────────────────────────────────────────────────────────────


def test_r5_a_communication_plan_of_drafts_cannot_be_signed(place: Path) -> None:
    status, told = sign("product-owner", "--item", "communication_plan")
    assert status == 3
    assert "announcements are drafts" in told
    every = json.loads(run("announce", "list", "2.4.0", "-e", "production", "--json").stdout)["announcements"]
    assert "announcements are drafts" in gates()["communication_plan"]["reason"]
    (place / "text").write_text("What is new.")
    first, second, *others = [one["item"] for one in every]
    announce(first, "edit", str(place / "text"))
    announce(second, "approve") if every[1]["owner"] in ROLES else announce(second, "skip", "--reason", "none")
    for item in others:
        announce(item, "skip", "--reason", "not this time")
    assert gates()["communication_plan"]["reason"] == "not signed off by the product owner"
    assert sign("product-owner", "--item", "communication_plan")[0] == 0
    assert gates()["communication_plan"]["status"] == "ready"


def test_r5_the_next_step_for_a_window_is_the_window_and_then_its_notices(place: Path) -> None:
    file = place / "pilotage.yaml"
    file.write_text(file.read_text().replace("deployment_strategy: canary", "deployment_strategy: big-bang"))
    deployed(place, "2.3.0", "production")
    assert "calendar: {windows" in gates()["maintenance_window_scheduled"]["next_step"]

    window = 'calendar:\n  windows: [{days: [tue], start: "10:00", end: "15:00"}]\n'
    file.write_text(file.read_text() + window)
    assert "pilotage announce list 2.4.0" in gates()["maintenance_window_scheduled"]["next_step"]


def test_r5_the_next_step_for_alerts_is_a_test_alert_where_an_alertmanager_is_named(place: Path) -> None:
    file = place / "pilotage.yaml"
    named = '    monitoring: {alertmanager: "http://127.0.0.1:9"}\n  staging:'
    file.write_text(file.read_text().replace("  staging:", named, 1))
    assert gates()["alerting_configuration"]["next_step"] == "pilotage alerts test -e production"


@pytest.mark.usefixtures("place")
def test_r6_announcements_are_scheduled_by_their_state_and_not_by_a_word() -> None:
    found = gates()["feature_announcements"]
    assert "release_announcement is draft" in found["reason"]
    assert "sign-off" not in found["next_step"]
    for item in ("release_announcement", "social_media", "in_app_notification"):
        announce(item, "skip", "--reason", "nothing new")
    assert gates()["feature_announcements"]["status"] == "ready"


def test_r6_c19_the_notes_are_signed_as_they_read_and_another_draft_voids_that(place: Path) -> None:
    assert "lists no changes" in sign("product-manager")[1]
    for text in ("Search is faster.\n", "Search is twice as fast.\n"):
        (place / "notes").write_text(text)
        announce("release_notes_publication", "edit", str(place / "notes"))
        if text == "Search is faster.\n":
            assert sign("product-manager")[0] == 0
            assert gates()["release_notes"]["status"] == "ready"
    assert gates()["release_notes"]["reason"] == "what ada signed off has changed since"


# ── documents, pages, people ───────────────────────────────────────────────────────────────────────────────


def test_a_document_is_signed_as_it_reads(place: Path) -> None:
    with_evidence(place, compliance_impact_assessment={"document": "assessment.md"})
    assert "assessment.md is missing" in sign("compliance-officer", "--item", "compliance_impact_assessment")[1]
    (place / "assessment.md").write_text("No personal data is touched.")
    assert sign("compliance-officer", "--item", "compliance_impact_assessment")[0] == 0
    assert gates()["compliance_impact_assessment"]["status"] == "ready"
    (place / "assessment.md").write_text("Names of customers go to a new processor.")
    assert "has changed since" in gates()["compliance_impact_assessment"]["reason"]
    os.utime(place / "assessment.md", (0, 0))
    assert "old; the limit is 180d" in gates()["compliance_impact_assessment"]["reason"]


def test_a_page_answers_and_names_the_version(place: Path) -> None:
    (place / "site").mkdir()
    with _served(place / "site") as url:
        with_evidence(place, training_materials={"link": f"{url}/{{version}}.html"})
        assert "answered 404, not 200" in gates()["training_materials"]["reason"]
        (place / "site" / "2.4.0.html").write_text("Training for 2.4.0.1")
        assert "does not name 2.4.0" in gates()["training_materials"]["reason"]
        (place / "site" / "2.4.0.html").write_text("Training for v2.4.0.")
        assert gates()["training_materials"]["reason"] == "not signed off by the support lead"


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_training_names_everyone_of_the_role_with_a_date(place: Path) -> None:
    with_evidence(place, support_team_training={"people": "trained.yaml"})
    for text, words in (
        ("ada: 2026-01-01\neve: 2026-01-01\n", "eve is not in `people`, bob is not listed"),
        ("ada: 2026-01-01\nbob:\n", "bob has no date"),
        ("ada: 2026-01-01\nbob: 2999-01-01\n", "bob has a date in the future"),
        ("ada: 2026-01-01\nbob: 2001-01-01\n", "bob was trained more than 365d ago"),
    ):
        (place / "trained.yaml").write_text(text)
        assert words in gates()["support_team_training"]["reason"]
    (place / "trained.yaml").write_text("Ada L: 2026-11-01\nbob: 2026-11-02\n")
    assert gates()["support_team_training"]["reason"] == "not signed off by the support lead"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "name,date\nada,2026-01-01\nbob,\n", "ada 2026-01-01, bob None"),
        ("a.json", '{"ada": "2026-01-01"}', "ada 2026-01-01"),
        ("a.yaml", "[ada, bob]", "ada None, bob None"),
        ("a.csv", "who,date\nada,2026-01-01\n", "has no column `name`"),
        ("a.csv", "name,date\nada,soon\n", "'soon', not a date"),
        ("a.yaml", "{}", "names nobody"),
        ("a.yaml", "ada: [1]", "not a date"),
        ("a.yaml", "[[ada]]", "without a name"),
        ("a.yaml", "ada: 2026-01-01\nada: 2026-01-02", "appears twice"),
        ("a.yaml", "- ada\n- ada", "names ada twice"),
        ("a.yaml", "ada: [", "not YAML"),
    ],
)
def test_lists_of_people(name: str, text: str, words: str) -> None:
    try:
        told = ", ".join(f"{one.name} {one.day}" for one in people_in(text.encode(), name))
    except BadEvidence as error:
        told = str(error)
    assert words in told


@pytest.mark.parametrize(
    ("text", "named"),
    [("1.1", True), ("v1.1", True), ("shop-1.1.", True), ("(1.1)", True), ("1.1.2", False), ("11.1", False),
     ("2.1.1", False), ("1.1-rc1", False), ("1.10", False), ("1.1+b2", False)],
)  # fmt: skip
def test_a_version_is_named_whole(text: str, named: bool) -> None:
    assert names(text, "1.1") is named


# ── tickets ────────────────────────────────────────────────────────────────────────────────────────────────


def test_r6_a_change_is_approved_where_the_ticket_system_says_so(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A query with a mistake returns the records of other releases: they do not count."""
    monkeypatch.setenv("SNOW", "s3cret-word")
    other = {"sys_id": "1", "number": "CHG1", "short_description": "shop 2.3.0", "approval": "approved"}
    mine = {"sys_id": "2", "number": "CHG2", "short_description": "Release shop 2.4.0", "approval": "requested"}
    with ServiceNow([other], user="pilot", password="s3cret-word") as api:
        query = f"{api.url}/api/now/table/change_request?sysparm_limit=2&sysparm_query="

        def reason(query: str, **changed: str) -> str:
            ticket = {"url": query, "field": "result.approval", "equals": "approved", "user": "pilot",
                      "token": "secret://env/SNOW", **changed}  # fmt: skip
            with_evidence(place, change_management_approval={"ticket": ticket})
            told = str(gates()["change_management_approval"]["reason"])
            assert "s3cret" not in told
            return told

        precise = f"{query}short_description=Release%20shop%20{{version}}"
        assert "returned 0 records, not one" in reason(precise)
        assert "does not name 2.4.0" in reason(f"{query}no_such_field={{version}}")
        assert "answered 401; the token may be missing" in reason(precise, user="other")
        api.records.append(mine)
        assert "result.approval is 'requested'" in reason(precise)
        assert "returned 2 records, not one" in reason(query)
        assert "answered 404" in reason(f"{api.url}/api/now/table/change_request/9")
        mine["approval"] = "approved"
        assert reason(precise) == "not signed off by the change manager"
        assert reason(f"{api.url}/api/now/table/change_request/2") == "not signed off by the change manager"
    assert "does not respond" in reason(precise)


def test_a_token_goes_to_no_address_without_encryption(place: Path) -> None:
    ticket = {"url": "http://tickets.example.org/1", "field": "a", "equals": "b", "token": "secret://env/T"}
    with_evidence(place, change_management_approval={"ticket": ticket})
    told = run("ready", "2.4.0", "-e", "production")
    assert told.exit_code == 2
    assert "a token goes to https addresses only" in told.stderr


# ── emergencies ────────────────────────────────────────────────────────────────────────────────────────────


def test_r4_c18_an_emergency_is_told_in_words_and_reviewed_within_48_hours(place: Path) -> None:
    text = (place / "pilotage.yaml").read_text()
    text = text.replace("release_type: minor", "release_type: hotfix").replace("DevOps engineer", "engineering lead")
    (place / "pilotage.yaml").write_text(text)
    status, told = sign("engineering-lead", "--item", "emergency_change_record")
    assert (status, "say with --reason what is broken" in told) == (3, True)
    for _ in range(2):
        words = "checkout fails for a third of the customers since 09:10"
        assert sign("engineering-lead", "--item", "emergency_change_record", "-m", words)[0] == 0
    actions = json.loads(run("followup", "list", "--json").stdout)["followups"]
    assert [one["description"] for one in actions] == ["Review the emergency release shop 2.4.0 in production"]


@pytest.mark.parametrize(("team", "by", "alone"), [("small", {"ada"}, True), ("small", {"ada", "bob"}, False),
    ("small", set(), False), ("medium", {"ada"}, False)])  # fmt: skip
def test_c18_a_small_team_that_approves_its_own_release_owes_a_review(team: str, by: set[str], alone: bool) -> None:
    plan = make_plan(Answers("minor", "canary", team, "weekly", "low", ["internal-only"]), version="2.0")
    signed = tuple(
        Signature(SignatureKind.SIGN_OFF, "production_approval", "release manager", who, "", 1.0, None, plan.hash, "")
        for who in sorted(by)
    )
    found = Readiness("shop", "production", "2.0", plan.hash, "", ("ada", "Ada L"), 2.0, (), signed)
    assert approved_alone(plan, found) is alone
