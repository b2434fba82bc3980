"""R33, R34: a deployment that GitHub asked for hears how its rollout goes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pilotage.app import standing
from pilotage.app.hook_answers import tell
from pilotage.engine.records import hook_answers
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.rollout import Decision, Status
from tests.code_hosts.github import REPOSITORY, TOKEN, GitHub
from tests.rest_server import serving
from tests.web.site import CONFIG, Served, served
from tests.web.test_hooks import SECRET, from_github, sent

HOOK = """\
server:
  hooks:
    deployments:
      {{kind: github, secret: secret://env/HOOK_SECRET, service: shop, environment: staging, event: deployment,
       version: $.deployment.ref, answer: secret://env/GITHUB, api: "{api}"}}
"""


@pytest.fixture
def github() -> Iterator[GitHub]:
    found = GitHub()
    with serving(found):
        found.statuses[1] = []
        found.deployments.append({"id": 1, "sha": "2.5.0", "ref": "2.5.0", "environment": "staging"})
        yield found


@pytest.fixture
def server(tmp_path: Path, github: GitHub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setenv("GITHUB", TOKEN)
    monkeypatch.setattr("pilotage.app.hooks.attend", lambda *_: None)
    (tmp_path / "2.5.0").mkdir()
    (tmp_path / "2.5.0" / "serve").write_text("#!/bin/sh\n")
    (tmp_path / "2.5.0" / "serve").chmod(0o755)
    with served(tmp_path, CONFIG + HOOK.format(api=github.url)) as found:
        standing.note(found.site.project.directory, found.site.project.whole)
        yield found


def asked_for(server: Served) -> str:
    """GitHub asks for a deployment; the id of its rollout."""
    message = {"deployment": {"id": 1, "ref": "2.5.0"}, "repository": {"full_name": REPOSITORY}}
    body = json.dumps(message).encode()
    got = sent(server, "deployments", body, from_github(body, event="deployment"))
    assert got.status == 202, got.text
    rollout: str = got.json["rollout"]
    return rollout


def look(server: Served) -> None:
    """A look of the worker, later."""
    for one in hook_answers.owed(server.store.engine, time.time() + 1e6):
        hook_answers.keep(server.store.engine, one, one.told, one.tries, 0.0)
    tell(server.store, server.site.project.directory)


def ended(server: Served, identity: str) -> None:
    rollout = server.store.get(identity)
    state = replace(rollout.state, status=Status.ROLLED_BACK, reason="errors", at=time.time())
    server.store.record(rollout, Decision(state, (), ()), None, NOTHING_SEEN)


def test_r33_the_deployment_shows_each_state_once(server: Served, github: GitHub) -> None:
    rollout = asked_for(server)
    look(server)
    look(server)
    ended(server, rollout)
    look(server)
    look(server)
    assert [(one["state"], one["description"]) for one in github.statuses[1]] == [
        ("in_progress", "2.5.0 is progressing"), ("failure", "2.5.0 is rolled-back: errors"),
    ]  # fmt: skip
    assert hook_answers.owed(server.store.engine, time.time() + 1e9) == ()


def test_r33_a_host_that_fails_is_told_later_and_one_that_carried_it_out_not_again(
    server: Served, github: GitHub
) -> None:
    asked_for(server)
    github.lose_next(lambda asked: asked.method == "POST")  # carried out, and answered with 502
    look(server)
    look(server)
    assert [one["state"] for one in github.statuses[1]] == ["in_progress"]


def test_a_host_that_refuses_is_asked_ever_less_and_at_last_no_more(
    server: Served, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for(server)
    monkeypatch.setenv("GITHUB", "wrong")
    for _ in range(12):
        look(server)
    assert github.statuses == {1: []}
    assert hook_answers.owed(server.store.engine, time.time() + 1e9) == ()


def test_nothing_answers_for_a_hook_that_is_gone(server: Served, github: GitHub) -> None:
    asked_for(server)
    project = server.site.project
    project.config.write_text(CONFIG)
    standing.note(project.directory, server.site.for_(None).whole)
    look(server)
    assert github.statuses == {1: []}
    assert hook_answers.owed(server.store.engine, time.time() + 1e9) == ()
