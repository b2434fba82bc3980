"""R34: the page of a rollout, and what people do from it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from pilotage import Service
from pilotage.model.events import HoldStarted, RollbackStarted, TrafficWithdrawn
from pilotage.model.hold import Hold, HoldCause
from pilotage.model.live import SeenVerdict
from pilotage.model.record import Rollout
from pilotage.model.rollout import CommandKind, Decision, Event, RolloutState, Status
from pilotage.model.snapshot import Snapshot
from tests.plans import a_plan
from tests.web.records import ended
from tests.web.site import Client, Served


def record(server: Served, rollout: Rollout, state: RolloutState, *events: Event) -> Rollout:
    """As a worker would."""
    decision = Decision(state=state, actions=(), events=events)
    recorded: Rollout = server.store.record(server.store.get(rollout.id), decision, None, rollout.live)
    return recorded


def waits_for_approval(server: Served) -> Rollout:
    rollout = server.rollout()
    hold = Hold(HoldCause.APPROVAL, "waits for approval")
    return record(
        server, rollout, replace(rollout.state, status=Status.HOLDING, hold=hold),
        Event("hold-started", "2.4.0 waits for approval", {"cause": "approval"}),
    )  # fmt: skip


def acts(text: str) -> list[str]:
    """What the head of the page offers."""
    return re.findall(r'data-act="([\w-]+)"', text)


def fields(text: str) -> dict[str, str]:
    """The hidden fields of the confirmation's form."""
    form = text[text.index('action="/rollouts/') :]
    return dict(re.findall(r'type="hidden" name="([\w]+)" value="([^"]*)"', form))


def confirmed(client: Client, rollout: Rollout, deed: str) -> dict[str, str]:
    got = client.get(f"/rollouts/{rollout.id}/{deed}")
    assert got.status == 200, got.text
    return fields(got.text)


@pytest.mark.parametrize(
    ("role", "offered"),
    [
        ("viewer", []),
        ("author", []),
        ("deployer", ["pause", "abort"]),
        ("approver", ["pause", "abort"]),
    ],
)
def test_r34_buttons_without_the_right_are_absent(server: Served, role: str, offered: list[str]) -> None:
    rollout = server.rollout()
    server.person("ada", f"{role}@shop/production")
    page = server.signed_in("ada").get(f"/rollouts/{rollout.id}")
    assert page.status == 200
    assert acts(page.text) == offered
    assert ("Stop 2.4.0 before it has users" in page.text) is bool(offered)


def test_r34_an_abort_is_named_by_its_effect_and_recorded_with_its_reason(server: Served) -> None:
    rollout = server.rollout()
    server.person("ada", "deployer")
    ada = server.signed_in("ada")
    page = ada.get(f"/rollouts/{rollout.id}/abort").text
    assert "Stop 2.4.0 before it has users</h1>" in page
    assert "No user has met 2.4.0: everybody stays on 2.3.1." in page
    assert "Send all requests to stable." in page
    got = ada.submit(f"/rollouts/{rollout.id}/abort", **fields(page) | {"reason": "users see errors"})
    assert got.status == 303
    (command,) = server.store.pending(rollout.id)
    assert (command.kind, command.actor, command.reason) == (CommandKind.ABORT, "ada", "users see errors")
    assert "Asked to abort." in ada.get(got.headers["location"]).text


def test_r34_the_author_is_told_why_they_cannot_approve_and_who_can(server: Served) -> None:
    rollout = waits_for_approval(server)
    record(server, rollout, replace(rollout.state, author="dora"))
    server.person("dora", "approver")
    dora = server.signed_in("dora")
    got = dora.get(f"/rollouts/{rollout.id}/approve")
    assert got.status == 409
    assert "You started this rollout, so another person must approve it." in got.text
    assert "Nobody else has the role for it" in got.text
    server.person("bob", "approver@shop/production")
    server.person("eve", "deployer")
    assert "bob may approve." in dora.get(f"/rollouts/{rollout.id}/approve").text
    assert "this is not possible now" in dora.get(f"/rollouts/{rollout.id}/resume").text


def lead(page: str) -> str:
    found = re.findall(r'<p class="lead">(.*?)</p>', page)
    assert len(found) == 1
    return str(found[0])


def test_r34_the_page_names_who_may_approve_who_has_and_why_the_reader_may_not(server: Served) -> None:
    rollout = waits_for_approval(server)
    plan_wants_two = replace(rollout.state, author="dora", approvals=("carol",))
    record(server, rollout, plan_wants_two)
    server.person("dora", "approver")
    server.person("bob", "approver@shop/production")
    server.person("eve", "viewer")
    server.person("zoe", "approver@search/production")
    page = server.signed_in("eve").get(f"/rollouts/{rollout.id}").text
    assert "<dt>Approved by</dt><dd>carol" in page
    assert "Your roles do not include approvals of shop in production." in page
    assert "zoe" not in page
    record(server, rollout, replace(rollout.state, author="dora"))
    page = server.signed_in("eve").get(f"/rollouts/{rollout.id}").text
    assert "<dt>Approved by</dt><dd>nobody yet" in page
    assert "1 approval. bob may approve." in page
    assert (
        "You started this rollout, so another person must approve it."
        in server.signed_in("dora").get(f"/rollouts/{rollout.id}").text
    )
    for number in range(8):
        server.person(f"team{number}", "approver")
    page = server.signed_in("eve").get(f"/rollouts/{rollout.id}").text
    assert "bob, team0, team1, team2, team3 and 4 more may approve." in page


def test_r34_the_largest_type_has_one_short_sentence_for_every_state(server: Served) -> None:
    rollout = server.rollout()
    server.person("eve", "viewer")
    eve = server.signed_in("eve")
    why = "error rate: canary 4.8 % (12 of 250), stable 0.1 % (5 of 4,750): 9 times worse, confidence 99.98 %"
    holds = [Hold(cause, why) for cause in HoldCause]
    states = [
        *(replace(rollout.state, status=Status.HOLDING, hold=hold, reason=why) for hold in holds),
        *(replace(rollout.state, status=status, hold=None, reason=why) for status in Status if not status.final),
        *(replace(rollout.state, status=status, hold=None, reason=why) for status in Status if status.final),
    ]  # fmt: skip
    for state in states:
        record(server, rollout, state)
        page = eve.get(f"/rollouts/{rollout.id}").text
        said = lead(page)
        assert len(said) < 100, said
        assert "confidence" not in said
        assert ("confidence 99.98" in page) is (state.status is not Status.PROGRESSING)


def test_r34_a_hold_says_until_when_and_what_follows(server: Served) -> None:
    rollout = server.rollout()
    server.person("eve", "viewer")
    hold = Hold(HoldCause.SOURCE_ERROR, "the metrics source does not respond", 60.0)
    began = HoldStarted(
        cause=hold.cause, weight_percent=5.0, reason=hold.sentence, on_timeout="rollback", timeout_seconds=600.0
    )
    state = replace(rollout.state, status=Status.HOLDING, hold=hold, reason=hold.sentence, at=86_400.0 * 365)
    record(server, rollout, state, Event("hold-started", began.sentence, began.data))
    page = server.signed_in("eve").get(f"/rollouts/{rollout.id}").text
    assert re.search(r"2\.4\.0 holds at .* until .*00:09 UTC: its metrics cannot be read\.", lead(page))
    assert "If this lasts until then, it rolls back." in page


def test_r34_a_forecast_of_now_is_no_time(server: Served) -> None:
    rollout = server.rollout()
    server.person("eve", "viewer")
    eve = server.signed_in("eve")
    at = next(n for n, step in enumerate(rollout.plan.steps) if step.kind.value == "analyse")
    over = rollout.plan.steps[at].duration
    record(server, rollout, replace(rollout.state, step=at, watched=over / 2))
    assert "if every step passes" in eve.get(f"/rollouts/{rollout.id}").text
    record(server, rollout, replace(rollout.state, step=at, watched=over))
    page = eve.get(f"/rollouts/{rollout.id}").text
    ahead = page[page.index('<dl class="across">') :]
    assert "as soon as this step passes" in ahead
    assert "at the earliest" in ahead
    assert "just now" not in ahead[: ahead.index("Way back")]


def test_r34_an_approval_from_a_stale_tab_does_nothing_and_shows_the_present_state(server: Served) -> None:
    rollout = waits_for_approval(server)
    server.person("bob", "approver")
    bob = server.signed_in("bob")
    assert acts(bob.get(f"/rollouts/{rollout.id}").text) == ["approve", "reject", "pause", "abort"]
    form = confirmed(bob, rollout, "approve")
    assert form["about"] == "2"
    now = replace(rollout.state, status=Status.PROGRESSING, step=1, hold=None)
    record(server, rollout, now, Event("hold-ended", "approved", {}), Event("step-started", "next", {"step": "x"}))
    got = bob.submit(f"/rollouts/{rollout.id}/approve", **form)
    assert got.status == 412
    assert "Nothing was done" in got.text
    assert "2.4.0 is at step 2 of 14" in got.text
    assert server.store.pending(rollout.id) == ()


def test_r34_a_form_that_still_fits_can_be_sent_from_the_page_that_refused_the_stale_one(server: Served) -> None:
    rollout = server.rollout()
    server.person("ada", "deployer")
    ada = server.signed_in("ada")
    form = confirmed(ada, rollout, "pause")
    record(server, rollout, replace(rollout.state, step=2), Event("step-started", "next", {"step": "x"}))
    stale = ada.submit(f"/rollouts/{rollout.id}/pause", **form | {"reason": "lunch"})
    assert stale.status == 412
    assert 'value="lunch"' in stale.text
    assert ada.submit(f"/rollouts/{rollout.id}/pause", **fields(stale.text)).status == 303


def test_r34_an_abort_is_never_stale(server: Served) -> None:
    rollout = server.rollout()
    server.person("ada", "deployer")
    ada = server.signed_in("ada")
    form = confirmed(ada, rollout, "abort")
    record(server, rollout, replace(rollout.state, step=2), Event("step-started", "next", {"step": "x"}))
    assert ada.submit(f"/rollouts/{rollout.id}/abort", **form).status == 303
    assert [one.kind for one in server.store.pending(rollout.id)] == [CommandKind.ABORT]


def test_r34_nothing_is_left_to_abort_of_what_has_ended(server: Served) -> None:
    rollout = server.rollout()
    server.person("ada", "deployer")
    ada = server.signed_in("ada")
    form = confirmed(ada, rollout, "abort")
    record(
        server,
        rollout,
        replace(rollout.state, status=Status.ROLLED_BACK, reason="errors"),
        Event("rolled-back", "back", {}),
    )
    got = ada.submit(f"/rollouts/{rollout.id}/abort", **form)
    assert got.status == 412
    assert "rolled-back: too late to abort" in got.text
    page = ada.get(f"/rollouts/{rollout.id}").text
    assert acts(page) == []
    assert "Rolled back" in page


def test_r34_whoever_started_it_is_told_that_another_must_approve(server: Served) -> None:
    rollout = waits_for_approval(server)
    record(server, rollout, replace(rollout.state, author="ada"))
    server.person("ada", "admin")
    page = server.signed_in("ada").get(f"/rollouts/{rollout.id}").text
    assert "approve" not in acts(page)
    assert "another person must approve it" in page


def test_r34_a_form_without_what_it_was_made_for_is_refused(server: Served) -> None:
    rollout = server.rollout()
    server.person("ada", "deployer")
    ada = server.signed_in("ada")
    assert ada.submit(f"/rollouts/{rollout.id}/pause", reason="x").status == 400
    assert ada.submit(f"/rollouts/{rollout.id}/pause", as_of="progressing/x", about="-1").status == 400
    too_long = ada.submit(f"/rollouts/{rollout.id}/abort", reason="x" * 501)
    assert (too_long.status, "501 characters" in too_long.text) == (400, True)


def test_r34_the_page_is_also_json(server: Served) -> None:
    rollout = server.rollout()
    server.person("ada", "viewer")
    ada = server.signed_in("ada")
    assert ada.get(f"/rollouts/{rollout.id}.json").json["version"] == "2.4.0"
    assert ada.get("/rollouts/none.json").status == 404
    assert ada.get("/rollouts/none").status == 404


def test_r34_long_histories_are_paged_newest_first(server: Served) -> None:
    rollout = server.rollout()
    record(server, rollout, rollout.state, *(Event("check-passed", f"event {n}.", {}) for n in range(50)))
    server.person("ada", "viewer")
    ada = server.signed_in("ada")
    first = ada.get(f"/rollouts/{rollout.id}").text
    assert re.findall(r"Event (\d+)\.", first)[:2] == ["49", "48"]
    older = re.search(r"\?before=(\d+)", first)
    assert older
    assert re.findall(r"Event (\d+)\.", ada.get(f"/rollouts/{rollout.id}?before={older[1]}").text)[0] == "29"


def test_r34_a_queued_rollout_is_taken_out_of_the_queue(server: Served) -> None:

    first = server.rollout()
    plan = a_plan(version="2.5.0", service=Service(name="shop", environment="production"))
    waiting = server.store.create(
        plan, replace(first.state, new="2.5.0"), Snapshot(), "dora", first.created_at, queued=True
    )
    server.person("ada", "deployer")
    ada = server.signed_in("ada")
    assert acts(ada.get(f"/rollouts/{waiting.id}").text) == ["withdraw"]
    assert ada.submit(f"/rollouts/{waiting.id}/withdraw", **confirmed(ada, waiting, "withdraw")).status == 303
    assert server.store.look_up(waiting.id).status is Status.CANCELLED


def test_r34_a_bar_is_drawn_only_where_there_is_a_ratio(server: Served) -> None:
    rollout = server.rollout()
    none_failed = SeenVerdict(
        metric="error rate", kind="pass", sentence="canary 0 % (0 of 836), stable 0 % (0 of 2,390)",
        canary="0%", stable="0 %", samples=836, interval=(0.0, None),
    )  # fmt: skip
    used = SeenVerdict(metric="cpu", kind="pass", sentence="as much", ratio=1.0, interval=(0.9, 1.1))
    live = replace(rollout.live, at=1.0, verdicts=(none_failed, used))
    decision = Decision(state=replace(rollout.state), actions=(), events=())
    server.store.record(server.store.get(rollout.id), decision, None, live)
    server.person("eve", "viewer")
    page = server.signed_in("eve").get(f"/rollouts/{rollout.id}").text
    metrics = page[page.index('id="metrics"') : page.index('id="events"')]
    assert metrics.count("<svg") == 1
    assert "<b>0\N{NO-BREAK SPACE}%</b> against 0\N{NO-BREAK SPACE}%" in metrics
    assert "<h3>CPU</h3>" in metrics


def test_r34_what_has_ended_without_a_comparison_promises_no_results(server: Served) -> None:
    server.person("ada", "viewer")
    first = ended(server.store, "shop", "staging", "1.0.0", old="")
    text = server.signed_in("ada").get(f"/rollouts/{first.id}").text
    assert "There was no earlier version to compare with." in text
    assert "No results yet" not in text


def test_r34_the_foot_says_when_a_page_was_made_and_is_live(server: Served) -> None:
    server.person("eve", "viewer")
    assert '<span id="made" data-live>Made at' in server.signed_in("eve").get("/").text
    assert "data-live" not in server.anybody().get("/login").text


def test_r34_home_lists_failures_in_whole_clauses_and_no_deliberate_abort(server: Served) -> None:
    why = "error rate: canary 18.2 % (4 of 22), stable 0 % (0 of 570); 4 users, 0 on stable: worse, confidence 99.9 %"
    for version, cause, harm in (
        ("3.0.0", "command", False),
        ("3.1.0", "error rate", True),
        ("3.2.0", "command", True),
    ):
        rollout = server.rollout(version=version)
        began = RollbackStarted(cause=cause, step="analyse-5%", reason=why)
        taken = TrafficWithdrawn(
            cause="error rate", step="analyse-5%", version=version, reason=why, timeout_seconds=60.0
        )
        told = [Event(one.type, one.sentence, one.data) for one in ((taken, began) if harm else (began,))]
        record(server, rollout, replace(rollout.state, status=Status.ROLLED_BACK, reason=why), *told)
    server.person("eve", "viewer")
    page = server.signed_in("eve").get("/").text
    failed = page[page.index('id="failed"') :]
    assert re.findall(r"shop (3\.\d\.0)", failed) == ["3.2.0", "3.1.0"]
    assert "0 on stable: worse …" in failed
    assert "confidence" not in failed
