"""R33: what a job of GitHub or GitLab tells its code host, against their documented APIs over a real socket."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import cast

import jsonschema
import pytest

from pilotage.adapters.check_runs import publish_check
from pilotage.adapters.code_host import CodeRepository
from pilotage.model.check_run import CheckRun, Conclusion, Level, Remark
from pilotage.model.deployment import deployment_state
from pilotage.model.status import Status
from tests.code_hosts import github, gitlab
from tests.code_hosts.github import HEAD, READ_ONLY, REPOSITORY, TOKEN, GitHub
from tests.code_hosts.gitlab import GitLab
from tests.rest_server import Answered, Asked, serving
from tests.typed import typed
from tests.unit.config.test_config import GOOD

SCHEMA = json.loads((Path(github.__file__).parent / "sarif-schema-2.1.0.json").read_text())
READY = """
readiness:
  evidence:
    unit_test_coverage: {coverage: reports/coverage.xml}
    static_analysis_passing: {findings: [reports/lint.sarif]}
"""


@dataclass
class Checkout:
    """A repository with two commits: the base, and one at which the tolerance is low."""

    folder: Path
    base: str

    def git(self, *words: str) -> str:
        named = ["git", "-C", str(self.folder), "-c", "user.name=ada", "-c", "user.email=ada@example.org"]
        return subprocess.run([*named, *words], check=True, capture_output=True, text=True).stdout.strip()

    def run(self, *words: str) -> CompletedProcess[str]:
        return typed(*words, cwd=self.folder, actor="ada")

    @property
    def summary(self) -> str:
        return (self.folder.parent / "summary.md").read_text()

    @property
    def outputs(self) -> dict[str, str]:
        lines = (self.folder.parent / "output").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    made = Checkout(tmp_path / "shop", "")
    (made.folder / "deploy").mkdir(parents=True)
    made.git("init", "-q")
    (made.folder / "pilotage.yaml").write_text(GOOD + READY)
    made.git("add", "-A")
    made.git("commit", "-qm", "feat: the shop")
    made.base = made.git("rev-parse", "HEAD")
    lower = GOOD.replace("risk_tolerance: medium", "risk_tolerance: low")
    assert lower != GOOD
    (made.folder / "pilotage.yaml").write_text(lower + READY)
    made.git("commit", "-qam", "fix: less risk, says @everyone")
    monkeypatch.setattr("pilotage.adapters.code_host.time.sleep", WAITED.append)
    WAITED.clear()
    return made


WAITED: list[float] = []


def on_github(monkeypatch: pytest.MonkeyPatch, checkout: Checkout, server: GitHub, *, fork: bool = False) -> None:
    """The variables of a job for pull request 7."""
    theirs = "mallory/shop" if fork else REPOSITORY
    head, base = {"sha": HEAD, "repo": {"full_name": theirs}}, {"sha": checkout.base, "repo": {"full_name": REPOSITORY}}
    event, place = {"pull_request": {"number": 7, "head": head, "base": base}}, checkout.folder.parent
    (place / "event.json").write_text(json.dumps(event))
    for name, value in {
        "GITHUB_ACTIONS": "true", "GITHUB_API_URL": server.url, "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_SHA": "f" * 40, "GITHUB_EVENT_PATH": str(place / "event.json"), "GITHUB_RUN_ID": "42",
        "GITHUB_RUN_ATTEMPT": "1", "GITHUB_STEP_SUMMARY": str(place / "summary.md"),
        "GITHUB_OUTPUT": str(place / "output"), "GITHUB_TOKEN": READ_ONLY if fork else TOKEN,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, checkout: Checkout) -> Iterator[GitHub]:
    with serving(GitHub()) as started:
        on_github(monkeypatch, checkout, cast(GitHub, started))
        yield cast(GitHub, started)


def written(server: GitHub | GitLab) -> list[str]:
    return [f"{one.method} {one.path.rpartition('/shop')[2]}" for one in server.asked if one.method != "GET"]


# ── the plan ───────────────────────────────────────────────────────────────────────────────────────────────


def test_r33_the_comment_says_what_changes_and_is_updated_in_place(checkout: Checkout, server: GitHub) -> None:
    for number in range(120):
        server.write_comment(7, f"remark {number}", {"id": 5, "login": "bob", "type": "User"})
    mark = "<!-- pilotage plan shop/production -->"
    server.write_comment(7, f"{mark} I am the plan", {"id": 9, "login": "mallory", "type": "User"})
    done = checkout.run("ci", "comment")
    assert done.returncode == 0, done.stderr
    body = server.comments[-1]["body"]
    assert body.startswith(f"{mark}\n### shop {HEAD[:12]} → production")
    assert "| inputs | risk_tolerance | medium | low | everyone | given |" in body
    assert f"At `{checkout.base[:12]}`" in body
    assert "probability that this change will need a fix within 30 days" in body
    assert "<details><summary>Steps</summary>\n\n" in body
    assert checkout.outputs["changes"].isdigit()
    (checkout.folder / "pilotage.yaml").write_text(GOOD + READY)
    assert checkout.run("ci", "comment").returncode == 0
    assert "Nothing: the plan is the same" in server.comments[-1]["body"]
    assert checkout.run("ci", "comment").returncode == 0
    assert written(server) == ["POST /issues/7/comments", "PATCH /issues/comments/221"]
    assert server.comments[120]["body"].endswith("I am the plan")


def test_r33_a_token_of_a_person_changes_that_persons_comment(checkout: Checkout, server: GitHub) -> None:
    server.account = {"id": 11, "login": "ada", "type": "User"}
    mark = "<!-- pilotage plan shop/production -->"
    server.write_comment(7, mark, {"id": 41898282, "login": "other[bot]", "type": "Bot"})
    server.write_comment(7, mark, server.account)
    assert checkout.run("ci", "comment").returncode == 0
    assert written(server) == ["PATCH /issues/comments/101"]


def test_r33_a_fork_without_a_token_that_writes_gets_the_summary(
    checkout: Checkout, server: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", READ_ONLY)
    refused = checkout.run("ci", "comment")
    assert refused.returncode == 9
    assert "give the job `permissions: pull-requests: write`" in refused.stderr
    on_github(monkeypatch, checkout, server, fork=True)
    for token in (READ_ONLY, ""):
        monkeypatch.setenv("GITHUB_TOKEN", token)
        degraded = checkout.run("ci", "comment")
        assert degraded.returncode == 0
        assert (
            "a job of a fork has no token that may write comments; it is in the job summary instead" in degraded.stderr
        )
    assert "### shop" in checkout.summary
    assert server.comments == []
    assert READ_ONLY not in refused.stderr + degraded.stderr + degraded.stdout + checkout.summary


def test_r33_busy_hosts_are_asked_again_and_a_lost_answer_makes_no_second_comment(
    checkout: Checkout, server: GitHub
) -> None:
    def writes(asked: Asked) -> bool:
        return asked.method != "GET"

    limits = {"X-RateLimit-Remaining": "0", "Retry-After": "7"}
    server.fail_next(Answered(status=403, headers=limits), fits=writes)
    server.fail_next(Answered(status=403, body={"message": "You have exceeded a secondary rate limit."}), fits=writes)
    server.fail_next(Answered(status=429, headers={"Retry-After": "3"}))
    server.lose_next(writes)
    assert checkout.run("ci", "comment").returncode == 0
    assert len(server.comments) == 1
    # Whoever waits for a process asks often, and shortly.
    assert [wait for wait in WAITED if wait >= 1] == [3, 7, 60, 8]
    server.fail_next(Answered(status=503), times=50)
    gone = checkout.run("ci", "comment")
    assert gone.returncode == 9
    assert "returned 503" in gone.stderr
    server.forget_faults()
    server.fail_next(Answered(status=429, headers={"Retry-After": "3600"}))
    assert checkout.run("ci", "comment").returncode == 9, "nobody waits an hour"


def test_r33_the_format_is_bounded_and_calls_nobody(checkout: Checkout) -> None:
    from pilotage.app.ci import request_comment
    from pilotage.app.plan import PlanRequest
    from pilotage.app.project import Project
    from pilotage.render.request_comment import comment_text, harmless

    shown = checkout.run("plan", "2.4.0", "--format", "github", "--base", checkout.base)
    assert shown.returncode == 0
    assert len(shown.stdout) < 65_536
    assert "no commit 'nowhere'" in checkout.run("plan", "2.4.0", "--format", "github", "--base", "nowhere").stdout
    project = Project(checkout.folder / "pilotage.yaml")
    comment = request_comment(project, "production", PlanRequest("2.4.0"), checkout.base)
    assert not comment.plan.first, "a fresh checkout has no records"
    for most in (2_500, 6_000):
        text = comment_text(comment, most)
        assert len(text) <= most
        assert "Too long for a comment: " in text
        assert text.count("<details>") == text.count("</details>")
    assert harmless("@ada and /close\n/approve") == "@\u200bada and /close\n\u200b/approve"


# ── readiness ──────────────────────────────────────────────────────────────────────────────────────────────


def test_r33_the_check_points_at_the_lines_of_the_evidence(checkout: Checkout, server: GitHub) -> None:
    lines = (checkout.folder / "pilotage.yaml").read_text().splitlines()
    done = checkout.run("ci", "check", "2.4.0", "--sarif", "x.sarif", "--code-quality", "x.json")
    assert done.returncode == 3, done.stderr
    (check,) = server.checks.values()
    assert (check["head_sha"], check["status"], check["conclusion"]) == (HEAD, "completed", "failure")
    assert "shop 2.4.0 is not ready for production" in check["output"]["title"]
    places = {one["message"].partition(":")[0]: one["start_line"] for one in check["annotations"]}
    assert "unit_test_coverage" in lines[places["Unit test coverage"] - 1]
    assert "### shop 2.4.0 is not ready" in checkout.summary
    assert checkout.outputs["ready"] == "false"
    report = json.loads((checkout.folder / "x.sarif").read_text())
    jsonschema.Draft4Validator(SCHEMA).validate(report)
    (run,) = report["runs"]
    rules = [one["id"] for one in run["tool"]["driver"]["rules"]]
    assert all(rules[one["ruleIndex"]] == one["ruleId"] for one in run["results"])
    found = {one["ruleId"]: one["locations"][0]["physicalLocation"] for one in run["results"]}
    assert found["unit_test_coverage"]["artifactLocation"]["uri"] == "pilotage.yaml"
    assert "unit_test_coverage" in lines[found["unit_test_coverage"]["region"]["startLine"] - 1]
    assert "static_analysis_passing" in lines[found["static_analysis_passing"]["region"]["startLine"] - 1]
    jsonschema.validate(json.loads((checkout.folder / "x.json").read_text()), gitlab.API["code_quality"])


def test_r33_a_host_that_is_away_hides_no_gate(checkout: Checkout, server: GitHub) -> None:
    server.fail_next(Answered(status=503), times=50)
    done = checkout.run("ci", "check", "2.4.0", "--sarif", "x.sarif")
    assert done.returncode == 9
    assert "shop 2.4.0 is not ready for production" in done.stdout
    assert (checkout.folder / "x.sarif").exists()


def test_r33_ready_prints_the_same_forms(checkout: Checkout) -> None:
    checkout.git("mv", "pilotage.yaml", "deploy/pilotage.yaml")
    for form in ("sarif", "code-quality", "markdown", "json"):
        shown = typed("ready", "2.4.0", "--format", form, cwd=checkout.folder / "deploy", actor="ada")
        assert shown.returncode == 3, shown.stderr
        if form == "sarif":
            jsonschema.Draft4Validator(SCHEMA).validate(json.loads(shown.stdout))
            assert '"uri": "deploy/pilotage.yaml"' in shown.stdout
        if form == "code-quality":
            jsonschema.validate(json.loads(shown.stdout), gitlab.API["code_quality"])


def test_r33_many_annotations_come_in_parts_and_each_once() -> None:
    remarks = tuple(
        Remark(path="pilotage.yaml", line=n, level=Level.FAILURE, title=f"gate {n}", text="x" * 30_000)
        for n in range(1, 121)
    )
    check = CheckRun(
        name="ready",
        about="shop",
        conclusion=Conclusion.FAILURE,
        title="t" * 300,
        summary="s" * 70_000,
        remarks=remarks,
    )
    with serving(GitHub()) as started, pytest.MonkeyPatch.context() as patched:
        patched.setattr("pilotage.adapters.code_host.time.sleep", WAITED.append)
        server = cast(GitHub, started)
        server.lose_next(lambda asked: asked.method == "PATCH")
        place = CodeRepository(kind="github", repository=REPOSITORY, url=server.url, token=TOKEN)
        assert publish_check(place, HEAD, check) == "https://github.com/acme/shop/runs/1"
        bodies = [one.json for one in server.asked if one.method != "GET"]
    assert [one["start_line"] for one in server.checks[1]["annotations"]] == list(range(1, 121))
    assert [one["status"] for one in bodies] == ["in_progress", "in_progress", "completed"]
    assert "conclusion" not in bodies[0]


# ── deployments ────────────────────────────────────────────────────────────────────────────────────────────


def test_r33_a_deployment_is_said_once_for_each_run(
    checkout: Checkout, server: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("ci", "deployment", "2.4.0", "--url", "https://shop.example.org")
    server.lose_next(lambda asked: asked.path.endswith("/deployments") and asked.method == "POST")
    for _ in range(2):
        assert checkout.run(*words).returncode == 0
    assert checkout.run(*words, "--exit-status", "3").returncode == 0
    (made,) = server.deployments
    assert (made["ref"], made["environment"], made["required_contexts"]) == (HEAD, "production", [])
    states = [(one["state"], one["description"]) for one in server.statuses[1]]
    assert states == [
        ("queued", "2.4.0 is about to roll out"),
        ("error", "2.4.0 was not started (exit status 3); the log of the job says why"),
    ]
    assert server.statuses[1][0]["environment_url"] == "https://shop.example.org"
    monkeypatch.setenv("GITHUB_RUN_ATTEMPT", "2")
    assert checkout.run(*words).returncode == 0
    assert len(server.deployments) == 2


@pytest.mark.parametrize(
    ("status", "ended", "state"),
    [
        (None, None, "queued"), (None, 3, "error"), (None, 0, "success"), (Status.COMPLETED, 0, "success"),
        (Status.PROGRESSING, 6, "in_progress"), (Status.HOLDING, None, "in_progress"),
        (Status.ROLLED_BACK, 4, "failure"),
        (Status.FAILED, 5, "error"), (Status.QUEUED, 0, "queued"), (Status.WITHDRAWN, 6, "in_progress"),
    ],
)  # fmt: skip
def test_r33_the_state_is_that_of_the_rollout(status: Status | None, ended: int | None, state: str) -> None:
    assert deployment_state(status, ended).value == state


# ── GitLab ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_r33_gitlab_has_one_note_too(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(GitLab()) as started:
        server = cast(GitLab, started)
        for name, value in {
            "GITLAB_CI": "true", "CI_SERVER_URL": server.url, "CI_PROJECT_PATH": gitlab.PROJECT,
            "CI_COMMIT_SHA": gitlab.HEAD, "CI_MERGE_REQUEST_IID": "4", "CI_MERGE_REQUEST_DIFF_BASE_SHA": checkout.base,
            "GITLAB_TOKEN": gitlab.TOKEN, "CI_MERGE_REQUEST_PROJECT_PATH": gitlab.PROJECT,
            "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": gitlab.PROJECT,
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        stranger = {
            "id": 300,
            "noteable_iid": 4,
            "author": {"id": 99},
            "body": "<!-- pilotage plan shop/production -->",
        }
        server.notes.append(stranger)
        for version in ("2.4.0", "2.4.1"):
            assert checkout.run("ci", "comment", version).returncode == 0
        assert written(server) == ["POST /merge_requests/4/notes", "PUT /merge_requests/4/notes/301"]
        assert "| inputs | risk_tolerance | medium | low |" in server.notes[1]["body"]
        monkeypatch.setenv("GITLAB_TOKEN", "")
        refused = checkout.run("ci", "comment")
    assert refused.returncode == 9
    assert "set GITLAB_TOKEN to a project access token" in refused.stderr


def test_r33_outside_a_pipeline_one_sentence_says_so(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    refused = checkout.run("ci", "comment", "2.4.0")
    assert (refused.returncode, refused.stderr.count("\n")) == (9, 1)
    assert "neither GITHUB_ACTIONS nor GITLAB_CI is true" in refused.stderr
