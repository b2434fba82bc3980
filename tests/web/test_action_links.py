"""R34: links in messages lead to a page that shows what it would do; nothing happens before its button."""

from __future__ import annotations

import json

from pilotage.adapters.notify.slack import blocks
from pilotage.model.events import HoldStarted
from pilotage.model.rollout import HoldCause
from pilotage.report.telling import Happened, Subject, message_of
from tests.web.site import Served

SUBJECT = Subject(
    id="01J", service="shop", environment="production", version="2.4.0", old="2.3.1", actor="dora", plan_hash="a" * 64,
    server="https://pilotage.example.org/",
)  # fmt: skip


def _asking() -> Happened:
    event = HoldStarted(
        cause=HoldCause.APPROVAL, weight_percent=25.0, reason="waits", on_timeout="rollback", timeout_seconds=60.0
    ).record()
    return Happened(7, 100.0, event.type, event.sentence, event.data)


def test_r34_a_question_has_the_pages_that_answer_it() -> None:
    message = message_of(SUBJECT, _asking())
    where = "https://pilotage.example.org/rollouts/01J"
    links = [fact for fact in message.facts if fact[0].endswith(" at")]
    assert links == [("Approve at", f"{where}/approve?about=7"), ("Reject at", f"{where}/reject?about=7")]
    assert f"<{where}/approve?about=7>" in json.dumps(blocks(message, buttons=False))


def test_r34_without_a_server_a_message_has_no_links() -> None:
    from dataclasses import replace

    message = message_of(replace(SUBJECT, server=""), _asking())
    assert [fact for fact in message.facts if "http" in fact[1]] == []


def test_r34_a_link_of_an_answered_question_says_so_and_changes_nothing(server: Served) -> None:
    rollout = server.rollout()
    server.person("rita", "approver")
    rita = server.signed_in("rita")
    before = server.store.get(rollout.id).revision
    got = rita.get(f"/rollouts/{rollout.id}/pause?about=99")
    assert "The question in your message was answered already." in got.text
    assert rita.get(f"/rollouts/{rollout.id}/abort?about=99").status == 200
    assert server.store.get(rollout.id).revision == before
    assert server.anybody().get(f"/rollouts/{rollout.id}/approve?about=7").headers["location"] == (
        f"/login?next=/rollouts/{rollout.id}/approve%3Fabout%3D7"
    )  # fmt: skip
