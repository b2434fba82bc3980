"""R23: complete release notes have 27 lines; each is there, or the notes say why not."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pilotage.adapters.milestones import Milestone, next_milestone
from pilotage.adapters.ports import AdapterError
from pilotage.engine.records import reports
from pilotage.engine.records.store import Store
from pilotage.model.report import Report, ReportKind
from pilotage.model.rollout import Status
from pilotage.report.improvements import OTHER, aspect_of
from tests.cases.history import History
from tests.typed import typed
from tests.unit.app.test_publication import configured
from tests.unit.engine.test_store import ended, started

LINES = 27
API = """
openapi: 3.1.0
paths:
  /orders/{id}:
    get:
      responses: {200: {content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}}}
    delete: {}
components:
  schemas:
    Order: {type: object, required: [total], properties: {total: {type: number}, note: {type: string}}}
"""
NOTES = {
    "support": {
        "documentation": "https://shop.example/docs", "portal": "https://shop.example/help",
        "training": "https://shop.example/learn", "contact": "support@shop.example",
    },
    "next": {"upcoming": ["Gift cards"], "version": "2.1.0", "day": "2027-01-15", "roadmap": "https://shop.example/next"},
    "update_steps": {"users": ["Renew your bookmarks"], "developers": ["Renew your client"]},
}  # fmt: skip
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in pairwise("abcdefgh")
)
"""A billion values from eight lines."""
BREAKING = """feat!: totals moved to /totals

Call /totals instead.

Value: totals of many orders
  come in one request
Impact: everyone who reads a total
Implementation: totals are read from a view
Works-until: 2027-03-01
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> History:
    """A service with two versions, and a configuration that knows everything which it can."""
    made = History(tmp_path_factory.mktemp("whole") / "shop")
    (made.folder / "openapi.yaml").write_text(API)
    made.commit("feat: start", tag="v1.0.0")
    (made.folder / "openapi.yaml").write_text(API.replace("delete: {}", "").replace("total: {type: number}, ", ""))
    made.commit(BREAKING)
    for message in (
        "perf: look prices up once", "improve concurrent checkouts", "improve the layout of the page",
        "Close CVE-2026-1234 in the parser", "fix: crash at start",
    ):  # fmt: skip
        made.commit(message)
    made.git("tag", "v2.0.0")
    configured(made.folder, notes=NOTES)
    return made


@pytest.fixture
def repository(whole: History, tmp_path: Path) -> History:
    """The same, for one test to change."""
    mine = copy(whole)
    mine.folder = Path(shutil.copytree(whole.folder, tmp_path / "shop"))
    return mine


def notes(repository: History, audience: str) -> Any:
    command = ("notes", "v1.0.0..v2.0.0", "--audience", audience, "--format", "json")
    done = typed(*command, cwd=repository.folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_developers_get_every_line_but_what_was_not_measured_and_what_users_do(repository: History) -> None:
    found = notes(repository, "developer")
    assert found["left_out"].keys() == {
        "response time", "error rate", "deployment success rate", "user satisfaction", "steps for users",
    }  # fmt: skip
    (breaking,) = found["breaking"]
    assert breaking["migration"] == "Call /totals instead."
    assert (breaking["impact"], breaking["works_until"]) == ("Everyone who reads a total", "2027-03-01")
    assert [section["title"] for section in found["sections"]] == [
        "Security", "Features", "Scalability", "Performance", "User experience", "Fixes",
    ]  # fmt: skip
    assert found["sections"][1]["items"][0]["value"] == "Totals of many orders come in one request"
    assert found["sections"][1]["items"][0]["details"] == "Totals are read from a view"


def test_a_field_that_is_gone_is_named_with_its_operation_and_what_callers_must_do(repository: History) -> None:
    found = notes(repository, "developer")["api"]
    assert [(one["method"], one["path"], one["place"], one["change"], one["breaks"]) for one in found] == [
        ("DELETE", "/orders/{id}", "", "is gone", True),
        ("GET", "/orders/{id}", "response 200, total", "is gone", True),
    ]
    assert [one["callers_must"] for one in found] == [
        "stop calling it; the path still has GET", "do without total",
    ]  # fmt: skip
    text = typed("notes", "v1.0.0..v2.0.0", cwd=repository.folder).stdout
    assert "2 operations of openapi.yaml break callers" in text
    assert "Change your calls of the 2 operations under API changes" in text
    assert "The old way works until 2027-03-01." in text


def test_users_get_steps_and_executives_only_what_is_theirs(repository: History) -> None:
    assert notes(repository, "user")["steps"] == [
        "read what is new: https://shop.example/docs", "Renew your bookmarks",
        "work through the training: https://shop.example/learn",
        "check what you have to change, in the migration guide", "ask for help: support@shop.example",
    ]  # fmt: skip
    left_out = notes(repository, "executive")["left_out"]
    assert left_out["bug fixes"] == "executives get features and security only"
    assert left_out["implementation details"].endswith("--audience developer")


def test_the_lines_are_listed_with_what_to_do_about_those_that_are_left_out(tmp_path: Path) -> None:
    bare = History(tmp_path / "bare")
    bare.commit("feat: start", tag="v1.0.0")
    bare.commit("fix: crash", tag="v1.0.1")
    listed = bare.notes("v1.0.0..v1.0.1", "--lines").splitlines()
    assert len(listed) == LINES + 2
    assert listed[-1].startswith("2 of 27")
    assert "notes.support.contact is not configured" in "\n".join(listed)
    assert "no OpenAPI document is in the repository" in "\n".join(listed)


def test_a_draft_has_these_lines_too_and_keeps_what_people_made_of_them(repository: History, tmp_path: Path) -> None:
    draft = tmp_path / "draft.md"
    for _ in range(2):
        assert typed("notes", "v1.0.0..v2.0.0", "--draft", str(draft), cwd=repository.folder).returncode == 0
        text = draft.read_text()
        draft.write_text(text.replace("Gift cards", "Gift cards for all"))
    assert text.count("Gift cards for all") == 1
    assert text.count("support@shop.example") == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (LAUGHS, "too many values"),
        ("swagger: '2.0'", "no OpenAPI 3 document"), ("{", "neither YAML nor JSON"), ("- [", "neither YAML nor JSON"),
    ],
)  # fmt: skip
def test_a_document_that_cannot_be_compared_is_named_and_stops_nothing(
    repository: History, content: str, why: str
) -> None:
    (repository.folder / "openapi.yaml").write_text(content)
    repository.commit("docs: the API", tag="v3.0.0")
    done = typed("notes", "v2.0.0..v3.0.0", "--format", "json", cwd=repository.folder)
    assert why in json.loads(done.stdout)["left_out"]["backward compatibility"]


def test_the_success_rate_counts_releases_that_users_had(repository: History) -> None:
    outcomes = {"1.0.0": Status.COMPLETED, "1.5.0": Status.ROLLED_BACK, "2.0.0": Status.COMPLETED}
    store = Store(repository.folder / ".pilotage")
    for version, status in outcomes.items():
        begun = started(store, version)
        ended(store, replace(begun, state=replace(begun.state, reached=1000)), status)
    store.close()
    rate = notes(repository, "developer")["measured"]["deployment success rate"]
    assert "(2 of 3 releases to production" in rate
    assert "95 % interval" in rate


@pytest.mark.parametrize(
    ("subject", "aspect"),
    [
        ("perf: look prices up once", "Performance"), ("improve: less memory per basket", "Performance"),
        ("Improve throughput of imports", "Scalability"), ("Polish the checkout page", "User experience"),
        ("improve things", OTHER),
    ],
)  # fmt: skip
def test_what_an_improvement_improves(subject: str, aspect: str) -> None:
    assert aspect_of(subject, subject, "") == aspect


@contextmanager
def tracker(answer: Any, status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """Answers every request alike; its address, and what was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


GITHUB = [
    {"title": "Later", "due_on": None, "description": None},
    {"title": "2.2.0", "due_on": "2027-04-01T07:00:00Z", "description": "Returns\nby mail"},
]  # fmt: skip
GITLAB = [{"title": "2.2.0", "due_date": "2027-04-01", "description": "Returns\nby mail"}]


@pytest.mark.parametrize(
    ("kind", "answer", "path"),
    [
        ("github", GITHUB, "/repos/acme/shop/milestones?state=open&per_page=100"),
        ("gitlab", GITLAB, "/api/v4/projects/acme%2Fshop/milestones?state=active&per_page=100"),
    ],
)
def test_the_next_open_milestone_says_what_comes_next(kind: str, answer: Any, path: str) -> None:
    with tracker(answer) as (url, asked):
        assert next_milestone(kind, "acme/shop", url, "") == Milestone(
            title="2.2.0", day=date(2027, 4, 1), summary="Returns"
        )
        assert asked == [path]
    for wrong, status in (({"a": 1}, 200), ([{}], 200), ([], 404)):
        with tracker(wrong, status) as (url, _), pytest.raises(AdapterError):
            next_milestone(kind, "acme/shop", url, "")


def test_a_tracker_that_does_not_answer_is_a_reason_and_stops_nothing(repository: History) -> None:
    with tracker([], 500) as (url, _):
        milestone = {"code_host": "github", "repository": "acme/shop", "url": url}
        configured(repository.folder, notes={"milestone": milestone})
        left_out = notes(repository, "user")["left_out"]
    assert "returned 500" in left_out["upcoming features"]
    assert "returned 500" in left_out["next release"]


def test_r23_what_users_rate_this_version_with_stands_in_its_notes(repository: History) -> None:
    store = Store(repository.folder / ".pilotage")
    ended(store, started(store, "2.0.0", "1.0.0"), Status.COMPLETED)
    for rating in (5, 4):
        reports.add(store.engine, Report(service="service", environment="production", version="2.0.0", at=1.0,
                    kind=ReportKind.FEEDBACK, rating=rating))  # fmt: skip
    store.close()
    assert notes(repository, "user")["measured"]["user satisfaction"] == "4.5 of 5 (2 ratings in production)"
