"""R33: the steps of the GitHub Action and the jobs of the GitLab component, run as they stand with a real rollout."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import cast

import psutil
import pytest
import yaml

from tests.code_hosts.github import HEAD, REPOSITORY, TOKEN, GitHub
from tests.code_hosts.gitlab import PROJECT, GitLab
from tests.code_hosts.gitlab import TOKEN as GITLAB_TOKEN
from tests.code_hosts.jobs import ROOT, Job, component_jobs, run_action, run_component
from tests.e2e.conftest import Make, Shop
from tests.rest_server import serving

EXAMPLES = re.findall(r"```yml\n(.*?)```", (ROOT / "docs/ci.md").read_text(), re.DOTALL)
HOSTILE = '$(touch pwned) "; touch pwned; #'


def commit(folder: Path, message: str) -> str:
    git = ["git", "-C", str(folder), "-c", "user.name=ada", "-c", "user.email=ada@example.org"]
    (folder / ".gitignore").write_text(".pilotage/\n")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", message, "--allow-empty"]):
        subprocess.run([*git, *words], check=True)
    return subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


def documented(mode: str) -> dict[str, str]:
    """What the workflow of the documentation gives the action."""
    workflow = yaml.safe_load(EXAMPLES[0])
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    (found,) = [step["with"] for step in steps if "/ci/github@" in step["uses"] and step["with"]["mode"] == mode]
    return {name: value.replace("${{ github.ref_name }}", "1.0") for name, value in found.items()}


def outliving(shop: Shop) -> dict[str, bool]:
    """What a job has left running, by command: whether it carries the mark by which GitHub's runner ends it."""
    found = {}
    for process in shop.processes():
        with suppress(psutil.Error):  # it may end while it is looked at
            found[" ".join(process.cmdline())] = "RUNNER_TRACKING_ID" in process.environ()
    return found


@pytest.fixture
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runner")


@pytest.fixture
def github() -> Iterator[GitHub]:
    with serving(GitHub()) as started:
        yield cast(GitHub, started)


def github_job(shop: Shop, scratch: Path, server: GitHub, base: str) -> Job:
    place = {"sha": base, "repo": {"full_name": REPOSITORY}}
    event = {"pull_request": {"number": 7, "head": {**place, "sha": HEAD}, "base": place}}
    (scratch / "event.json").write_text(json.dumps(event))
    variables = {
        "GITHUB_ACTIONS": "true", "GITHUB_API_URL": server.url, "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_SHA": HEAD, "GITHUB_EVENT_PATH": str(scratch / "event.json"),
        "GITHUB_RUN_ID": "42", "GITHUB_RUN_ATTEMPT": "1", "GITHUB_STEP_SUMMARY": str(scratch / "summary.md"),
        "RUNNER_TRACKING_ID": "github_7", "THE_TOKEN": TOKEN,
    }  # fmt: skip
    return Job(shop.directory, scratch, variables)


@pytest.mark.long
def test_r33_the_action_deploys_in_groups_with_a_summary_and_a_deployment(
    shop: Make, scratch: Path, github: GitHub
) -> None:
    made = shop("medium")
    made.release("1.0")
    job = github_job(made, scratch, github, commit(made.directory, "feat: the shop"))
    given, site = documented("deploy"), "https://shop.example.org"
    outputs = run_action(job, given)
    assert (job.status, outputs["status"], outputs["exit-status"]) == (0, "completed", "0"), job.log
    assert outputs["rollout"] == made.latest().id
    assert made.latest().actor == "github:ada"
    opened, closed = job.log.count("\n::group::"), job.log.count("\n::endgroup::\n")
    assert opened == closed > 0
    assert re.search(r"\n::endgroup::\n\S+ +completed ", job.log), "how it ended is in no group"
    summary = (scratch / "summary.md").read_text()
    assert summary.startswith("### ✅ shop 1.0 → production: completed")
    assert "| Step | New version | Took |" in summary
    (shown,) = github.deployments
    assert shown["payload"] == {"pilotage": "shop", "version": "1.0", "run": "42-1"}
    states = [(one["state"], one["environment_url"], one["log_url"]) for one in github.statuses[1]]
    run = f"https://github.com/{REPOSITORY}/actions/runs/42"
    assert states == [("queued", site, run), ("success", site, run)]
    marked = outliving(made)
    assert True not in marked.values(), "GitHub's runner would end them"
    assert any("pilotage.engine.execution.supervisor" in command for command in marked)

    again = Job(job.folder, job.scratch, {**job.variables, "GITHUB_RUN_ID": "44"})
    assert run_action(again, given)["status"] == "unchanged"
    assert github.statuses[2][-1]["state"] == "success"
    refused = Job(job.folder, job.scratch, {**job.variables, "GITHUB_RUN_ID": "43"})
    outputs = run_action(refused, {**given, "version": HOSTILE})
    assert (refused.status, outputs["exit-status"]) == (2, "2")
    assert [one["state"] for one in github.statuses[3]] == ["queued", "error"]
    assert not (made.directory / "pwned").exists()
    assert TOKEN not in job.log + refused.log + summary


def test_r33_the_action_comments_and_checks(shop: Make, scratch: Path, github: GitHub) -> None:
    made = shop("medium")
    made.configure_whole(readiness={"evidence": {"unit_test_coverage": {"coverage": "coverage.xml"}}})
    base = commit(made.directory, "feat: the shop")
    text = (made.directory / "pilotage.yaml").read_text()
    (made.directory / "pilotage.yaml").write_text(text.replace('"medium"', '"low"', 1))
    commit(made.directory, "fix: more careful")
    outputs = run_action(job := github_job(made, scratch, github, base), documented("plan"))
    assert (job.status, outputs["blocked"]) == (0, "false"), job.log
    assert int(outputs["changes"]) > 5
    assert "| inputs | risk_tolerance | medium | low |" in github.comments[0]["body"]
    outputs = run_action(job := github_job(made, scratch, github, base), documented("ready"))
    assert (job.status, outputs["ready"]) == (3, "false"), job.log
    assert github.checks[1]["conclusion"] == "failure"
    assert (made.directory / "pilotage.sarif").exists()
    assert max(map(len, job.log.splitlines())) < 200
    run_action(job := github_job(made, scratch, github, base), {"mode": HOSTILE})
    assert (job.status, job.log) == (2, "::error::mode must be plan, ready or deploy\n")


def test_r33_no_step_has_an_expression_in_its_script() -> None:
    text = (ROOT / "ci/github/action.yml").read_text()
    scripts = re.findall(r"run: \|\n((?: {8}.*\n|\n)+)", text)
    assert len(scripts) == text.count("run: |") == 7
    assert not any("${{" in script for script in scripts)
    for job in component_jobs({"version": HOSTILE, "environment": HOSTILE}).values():
        assert not any(HOSTILE in line for line in job["script"])


@pytest.mark.long
def test_r33_the_component_does_the_same_at_gitlab(shop: Make, scratch: Path) -> None:
    made = shop("medium")
    made.release("1.0")
    made.configure_whole(readiness={"enforce": False, "evidence": {}})
    base = commit(made.directory, "feat: the shop")
    with serving(GitLab()) as started:
        server = cast(GitLab, started)
        job = Job(made.directory, scratch, {
            "GITLAB_CI": "true", "CI_SERVER_URL": server.url, "CI_PROJECT_PATH": PROJECT, "CI_COMMIT_SHA": HEAD,
            "CI_PROJECT_DIR": str(made.directory), "CI_MERGE_REQUEST_IID": "4", "CI_COMMIT_TAG": "1.0",
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": base, "GITLAB_TOKEN": GITLAB_TOKEN, "GITLAB_USER_LOGIN": "ada",
        })  # fmt: skip
        (include,) = yaml.safe_load(EXAMPLES[1])["include"]
        assert (ROOT / include["file"].removeprefix("/")).exists()
        given = include["inputs"]
        run_component(job, given, "pilotage-plan")
        assert job.status == 0, job.log
        assert "Nothing: the plan is the same" in server.notes[0]["body"]
        checks = run_component(job, given, "pilotage-ready")
    assert job.status == 3, job.log
    for path in (*checks["artifacts"]["paths"], checks["artifacts"]["reports"]["codequality"]):
        assert (made.directory / path).exists()
    job.log = ""
    deploy = run_component(job, given, "pilotage-deploy")
    assert job.status == 0, job.log
    assert deploy["environment"] == {"name": "production", "url": "https://shop.example.org"}
    assert deploy["tags"] == ["pilotage"]
    began = re.findall(r"\x1b\[0Ksection_start:\d+:(\w+)\r\x1b\[0K\S", job.log)
    assert began == re.findall(r"\x1b\[0Ksection_end:\d+:(\w+)\r\x1b\[0K\n", job.log) != []
    assert made.latest().actor == "gitlab:ada"
    assert GITLAB_TOKEN not in job.log
