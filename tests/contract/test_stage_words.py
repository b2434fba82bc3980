"""Every sentence of the Awaited port (R33): what GitHub, GitLab and any JSON say of a commit, over a real socket."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import Secret
from pilotage.adapters.stages import asking
from pilotage.adapters.stages.ports import Awaited, Word, WordStatus, open_awaited
from pilotage.config.awaited import WordSection
from tests.commit_words import COMMIT, TOKEN, GitHub, GitLab
from tests.rest_server import Answered, Asked, RestServer, serving

pytestmark = pytest.mark.real
PENDING, PASSED, FAILED = WordStatus.PENDING, WordStatus.PASSED, WordStatus.FAILED


def opened(**section: Any) -> Awaited:
    read = TypeAdapter(WordSection).validate_python(section).model_dump(mode="json")
    return open_awaited(read, secrets=lambda _: Secret(TOKEN))


def said(word: Word) -> tuple[WordStatus, str]:
    return word.status, word.detail


@pytest.fixture(autouse=True)
def fresh() -> None:
    asking._throttle.cache_clear()


# ── GitHub ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def github() -> Iterator[GitHub]:
    server = GitHub()
    with serving(server):
        yield server


def ask(server: GitHub, commit: str = COMMIT, **more: Any) -> Word:
    section = {"kind": "github", "repository": "acme/shop", "token": "secret://env/T", "url": server.url, **more}
    return opened(**section).ask(commit, "1.4.0")


def test_all_checks_and_statuses_of_a_commit_must_succeed(github: GitHub) -> None:
    assert said(ask(github)) == (PENDING, "the commit has no checks yet")
    github.run("test")
    github.run("lint", "neutral")
    github.context("ci/other", "pending")
    assert said(ask(github)) == (PENDING, "ci/other is pending")
    github.context("ci/other", "success")
    word = ask(github)
    assert said(word) == (PASSED, "3 checks passed")
    assert next((one.kind, one.where) for one in word.evidence) == ("check", "https://github.com/acme/shop/runs/1")
    assert said(ask(github, neutral=False)) == (FAILED, "lint ended with neutral")


@pytest.mark.parametrize(
    ("conclusion", "status", "expected"),
    [
        ("failure", "completed", (FAILED, "test ended with failure")),
        ("cancelled", "completed", (FAILED, "test ended with cancelled")),
        ("timed_out", "completed", (FAILED, "test ended with timed out")),
        ("stale", "completed", (FAILED, "test ended with stale")),
        ("startup_failure", "completed", (FAILED, "test ended with startup failure")),
        ("skipped", "completed", (FAILED, "test ended with skipped")),
        ("action_required", "completed", (PENDING, "test needs action at GitHub")),
        (None, "queued", (PENDING, "test is queued")),
        (None, "in_progress", (PENDING, "test is in progress")),
        (None, "waiting", (PENDING, "test is waiting")),
    ],
)  # fmt: skip
def test_what_each_conclusion_means(
    github: GitHub, conclusion: str | None, status: str, expected: tuple[WordStatus, str]
) -> None:
    github.run("test", conclusion, status=status)
    assert said(ask(github)) == expected


def test_a_skipped_check_passes_where_the_configuration_says_so(github: GitHub) -> None:
    github.run("test", "skipped")
    assert ask(github, skipped=True).status is PASSED


def test_a_rerun_replaces_its_check_and_other_suites_count_apart(github: GitHub) -> None:
    github.run("test", "failure")
    github.run("test", "success")
    assert ask(github).status is PASSED
    github.run("test", "failure", suite=2)
    assert ask(github).status is FAILED
    github.run("test", status="in_progress", suite=2)
    assert ask(github).status is PENDING


def test_named_checks_are_waited_for_and_others_do_not_count(github: GitHub) -> None:
    github.run("lint", "failure")
    github.run("test")
    assert said(ask(github, checks=["test", "build"])) == (PENDING, "build has not been reported")
    github.run("build")
    assert ask(github, checks=["test", "build"]).status is PASSED


def test_only_the_configured_app_can_answer_for_a_name(github: GitHub) -> None:
    github.run("test", app="somebody-else")
    github.context("test", "success")
    assert said(ask(github, checks=["test"], app="github-actions")) == (PENDING, "test has not been reported")
    assert [one.path.rpartition("/")[2] for one in github.asked] == ["check-runs"]


def test_checks_that_a_branch_requires_are_those_of_rulesets_and_of_its_protection(github: GitHub) -> None:
    with pytest.raises(AdapterError, match="requires no checks for main"):
        ask(github, required_of="main")
    github.rules, github.protected = ["test"], ["ci/other"]
    github.run("test")
    assert said(ask(github, required_of="main")) == (PENDING, "ci/other has not been reported")
    github.context("ci/other", "success")
    assert ask(github, required_of="main").status is PASSED


def test_every_page_counts(github: GitHub) -> None:
    for number in range(230):
        github.run(f"test-{number}")
    github.run("last", "failure")
    assert said(ask(github)) == (FAILED, "last ended with failure")


def test_a_commit_that_is_not_pushed_is_waited_for(github: GitHub) -> None:
    word = ask(github, "0" * 40)
    assert word.status is PENDING
    assert "acme/shop has no commit 000000000000" in word.detail


@pytest.mark.parametrize(
    "limited",
    [
        Answered(status=429, headers={"Retry-After": "60"}),
        Answered(status=403, headers={"Retry-After": "60"}),
        Answered(status=403, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999"}),
    ],
)
def test_nothing_is_asked_before_a_limit_allows_it(github: GitHub, limited: Answered) -> None:
    github.fail_next(limited)
    for _ in range(3):  # also by those that are opened later
        with pytest.raises(AdapterError, match="throttles requests"):
            ask(github)
    assert len(github.asked) == 1


def test_what_is_no_answer_is_unknown_and_shows_no_token(github: GitHub) -> None:
    github.fail_next(Answered(status=500, body={"message": f"trace of {TOKEN}"}))
    with pytest.raises(AdapterError, match="answered 500") as raised:
        ask(github)
    assert TOKEN not in str(raised.value)
    github.moved = "https://api.github.com/repositories/1"
    with pytest.raises(AdapterError, match=f"it moved to {re.escape(github.moved)}"):
        ask(github)
    github.moved = ""
    github.fail_next(Answered(status=403, body={"message": "Resource not accessible by integration"}))
    with pytest.raises(AdapterError, match="the token may be missing, or lack permissions"):
        ask(github)
    github.runs.append({"name": 7})
    with pytest.raises(AdapterError, match="did not answer as GitHub does"):
        ask(github)


# ── GitLab ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def gitlab() -> Iterator[GitLab]:
    server = GitLab()
    with serving(server):
        yield server


def ask_gitlab(server: GitLab, **more: Any) -> tuple[WordStatus, str]:
    section = {"kind": "gitlab", "project": "acme/shop", "token": "secret://env/T", "url": server.url, **more}
    return said(opened(**section).ask(COMMIT, "1.4.0"))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("success", (PASSED, "pipeline 1 succeeded")),
        ("failed", (FAILED, "pipeline 1 failed")),
        ("canceled", (FAILED, "pipeline 1 was canceled")),
        ("skipped", (FAILED, "pipeline 1 was skipped: nothing ran")),
        ("manual", (PENDING, "pipeline 1 waits for a manual job")),
        ("canceling", (PENDING, "pipeline 1 is canceling")),
        ("waiting_for_resource", (PENDING, "pipeline 1 is waiting for resource")),
        ("running", (PENDING, "pipeline 1 is running")),
    ],
)  # fmt: skip
def test_what_each_status_of_a_pipeline_means(gitlab: GitLab, status: str, expected: tuple[WordStatus, str]) -> None:
    gitlab.pipeline(status)
    assert ask_gitlab(gitlab) == expected


def test_the_latest_pipeline_counts_and_only_one_of_the_configured_source(gitlab: GitLab) -> None:
    assert ask_gitlab(gitlab) == (PENDING, f"{COMMIT[:12]} has no pipeline: push it")
    gitlab.pipeline("failed")
    gitlab.pipeline("success", source="web")
    gitlab.pipeline("failed", sha="0" * 40)
    assert ask_gitlab(gitlab) == (PASSED, "pipeline 2 succeeded")
    assert ask_gitlab(gitlab, source="push") == (FAILED, "pipeline 1 failed")


@pytest.mark.parametrize(
    ("pipeline", "job", "expected"),
    [
        ("running", ("success", False), (PASSED, "test of pipeline 1 succeeded")),
        ("running", ("failed", False), (FAILED, "test failed")),
        ("success", ("failed", True), (FAILED, "test failed, which the pipeline allows")),
        ("failed", ("canceled", False), (FAILED, "test was canceled")),
        ("manual", ("manual", False), (PENDING, "test waits for somebody to start it")),
        ("running", ("skipped", False), (PENDING, "test is skipped")),
        ("failed", ("skipped", False), (FAILED, "test was skipped")),
        ("running", ("waiting_for_resource", False), (PENDING, "test is waiting for resource")),
    ],
)  # fmt: skip
def test_what_each_status_of_a_named_job_means(
    gitlab: GitLab, pipeline: str, job: tuple[str, bool], expected: tuple[WordStatus, str]
) -> None:
    number = gitlab.pipeline(pipeline)
    gitlab.job(number, "other", "failed")
    gitlab.job(number, "test", job[0], allow_failure=job[1])
    assert ask_gitlab(gitlab, jobs=["test"]) == expected


def test_every_copy_of_a_parallel_job_must_succeed_on_every_page(gitlab: GitLab) -> None:
    number = gitlab.pipeline("running")
    for copy in range(120):
        gitlab.job(number, f"test {copy + 1}/121", "success")
    gitlab.job(number, "test-other 1/2", "failed")
    gitlab.job(number, "deploy: [eu, 1]", "success")
    gitlab.job(number, "child", "success", bridge=True)
    assert ask_gitlab(gitlab, jobs=["test", "deploy", "child"])[0] is PASSED
    gitlab.job(number, "test 121/121", "failed")
    assert ask_gitlab(gitlab, jobs=["test"]) == (FAILED, "test 121/121 failed")


def test_a_job_that_is_not_there_is_waited_for_until_its_pipeline_is_over(gitlab: GitLab) -> None:
    gitlab.pipeline("running")
    assert ask_gitlab(gitlab, jobs=["test"]) == (PENDING, "pipeline 1 has no job test")
    gitlab.pipelines[0]["status"] = "success"
    assert ask_gitlab(gitlab, jobs=["test"]) == (FAILED, "pipeline 1 has no job test")


# ── any JSON ───────────────────────────────────────────────────────────────────────────────────────────────


class Scanner(RestServer):
    def __init__(self) -> None:
        super().__init__()
        self.answer_of: Any = {}

    def take(self, asked: Asked) -> Answered:
        if asked.path != f"/scans/{COMMIT}/1.4.0 beta" or asked.headers.get("x-key") != TOKEN:
            return Answered(status=404, body={"error": "no such scan"})
        return Answered(body=self.answer_of)


@pytest.fixture
def scanner() -> Iterator[Scanner]:
    server = Scanner()
    with serving(server):
        yield server


def ask_scanner(server: Scanner, version: str = "1.4.0 beta", **more: Any) -> Word:
    section = {
        "kind": "http", "url": f"{server.url}/scans/{{commit}}/{{version}}", "path": "$.results[*].state",
        "passes": ["clean", True], "fails": ["dirty"], "shows": "$.summary", "headers": {"X-Key": "secret://env/T"},
    }  # fmt: skip
    return opened(**{**section, **more}).ask(COMMIT, version)


def test_every_value_must_pass_and_one_that_fails_is_enough(scanner: Scanner) -> None:
    def states(*values: Any) -> WordStatus:
        scanner.answer_of = {"results": [{"state": value} for value in values], "summary": "3 files"}
        return ask_scanner(scanner).status

    assert states() is PENDING
    assert states("clean", "clean") is PASSED
    assert states("clean", "running") is PENDING
    assert states("running", "dirty") is FAILED
    assert states(True) is PASSED
    assert states(1) is PENDING  # no truth value
    assert states({"nested": "clean"}) is PENDING
    assert ask_scanner(scanner).detail.endswith(": 3 files")


def test_what_is_absent_is_pending_or_failed_as_configured(scanner: Scanner) -> None:
    assert ask_scanner(scanner, "2.0").status is PENDING
    assert ask_scanner(scanner, "2.0", absent="failed").status is FAILED
    scanner.fail_next(Answered(status=503))
    with pytest.raises(AdapterError):
        ask_scanner(scanner)


def test_an_answer_is_bounded(scanner: Scanner) -> None:
    scanner.answer_of = {"results": "x" * (17 << 20)}
    with pytest.raises(AdapterError, match="returned more than 16777216 bytes"):
        ask_scanner(scanner)


@pytest.mark.parametrize(
    ("section", "why"),
    [
        ({"kind": "http", "url": "http://ci.example.org/{commit}", "path": "$.a", "passes": ["x"]}, "use https"),
        ({"kind": "http", "url": "https://ci.example.org/", "path": "$.a", "passes": ["x"]}, r"add \{commit\} or"),
        ({"kind": "http", "url": "https://a.b/{commit}", "path": "a", "passes": ["x"]}, "not a path such as"),
        ({"kind": "http", "url": "https://a/{commit}", "path": "$", "passes": ["x"], "fails": ["x"]}, "and in fails"),
        ({"kind": "github", "repository": "shop"}, "pattern"),
        ({"kind": "github", "repository": "a/b", "token": "ghp_plain"}, "pattern"),
        ({"kind": "gitlab", "project": "a/b", "url": "http://gitlab.example.org"}, "use https"),
        ({"kind": "jenkins"}, "github"),
    ],
)  # fmt: skip
def test_a_section_that_cannot_be_right_is_refused(section: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        TypeAdapter(WordSection).validate_python(section)


def test_a_stored_section_that_cannot_be_read_is_an_error_of_the_adapter() -> None:
    with pytest.raises(AdapterError, match="cannot read the await stage"):
        open_awaited({"kind": "from-the-future"})
