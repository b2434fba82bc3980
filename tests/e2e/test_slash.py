"""R34: a release from Slack: started, approved by another person for the step that waits, and aborted."""

from __future__ import annotations

import pytest

from pilotage.adapters.slack_callback import Typed
from pilotage.app.project import Project
from pilotage.app.slash import carry_out
from pilotage.model.rollout import Status
from tests.e2e.conftest import Make

PEOPLE = {
    "ada": {"roles": [], "aliases": ["slack:U1"]},
    "bob": {"roles": ["release manager"], "aliases": ["slack:U2"]},
}


def test_r34_slack_deploys_approves_what_it_names_and_aborts(shop: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    made = shop("low", approval__required=True)
    made.configure_whole(people=PEOPLE)
    monkeypatch.chdir(made.directory)
    monkeypatch.setattr("pilotage.app.commands._ANSWER_DEADLINE", 120.0)

    def says(user: str, text: str) -> str:
        project = Project(made.directory / "pilotage.yaml")
        try:
            return carry_out(project, Typed(user=user, name="", text=text, reply_to=""))
        finally:
            project.store.close()

    made.release("1.0")
    assert (
        says("U1", "deploy 1.0") == "rolling out 1.0 to production. `/pilotage status -e production` shows how it goes."
    )
    made.wait(lambda rollout: rollout.state.status is Status.COMPLETED)
    assert says("U1", "deploy 1.0") == "1.0 already serves all requests of production."
    made.release("2.0")
    says("U1", "deploy 2.0")
    waiting = made.wait(lambda rollout: rollout.version == "2.0" and rollout.state.status is Status.HOLDING)
    assert waiting.actor == "slack:U1"
    answer = "/pilotage approve 2.0 approve-production -e production"
    assert f"it waits for you: `{answer}`" in says("U2", "status")
    for stale in ("approve 1.0 approve-production", "approve 2.0 approve-switch"):
        assert "now; `/pilotage status` shows what waits" in says("U2", stale)
    assert "another person must approve it" in says("U1", "approve 2.0 approve-production")
    assert says("U2", answer.removeprefix("/pilotage ")) == "approve of 2.0: done"
    assert "does not wait for approve-production now" in says("U2", "approve 2.0 approve-production")
    assert says("U2", "abort the shop is slow") == "abort of 2.0: done"
    ended = made.wait_end()
    assert (ended.state.status, ended.state.reason) == (
        Status.ROLLED_BACK,
        "aborted by bob: in Slack: the shop is slow",
    )
    assert says("U2", "abort") == "nothing to do: 2.0 is rolled-back."
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    assert made.run("watch", expect=4)
    summary = (made.directory / "summary.md").read_text()
    assert summary.startswith("### ↩️ shop 2.0 → production: rolled-back\n")
    assert "aborted by bob: in Slack: the shop is slow" in summary
