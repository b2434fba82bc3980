"""Every event has a class with a sentence and a severity; what was stored can be read; the page is the code's."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest

from pilotage.model import events as ev
from pilotage.model.event_names import RENAMED_EVENTS, RENAMED_FIELDS
from pilotage.model.json import each, text_at
from pilotage.model.message import Severity
from pilotage.model.observation import Excuse, Health, Verdict, VerdictKind
from pilotage.model.plan import StepKind
from pilotage.model.rollout import CommandKind, HoldCause, Mode
from pilotage.model.way_events import WAY_EVENTS
from pilotage.report.harm import DECIDING, harm_began, well_again
from pilotage.rollout.machine import begin, decide
from pilotage.rollout.turn import Tick
from tests.plans import NO_NUMBERS, a_plan
from tests.unit.rollout.test_strategies_model import SHORT, Strategies
from tests.unit.rollout.world import GOOD, ILL

ROOT = Path(__file__).parents[3]
OF_THE_STORE: set[type[ev.Occurrence]] = {
    ev.PromotedFrom, ev.ArtifactsNamed, ev.RolloutQueued, ev.RolloutStarted, ev.RolloutCancelled, ev.EnvironmentRemoved,
    ev.TraceContinued, ev.ReadinessChecked, ev.ReadinessNotEnforced, ev.ChecksLeftOut, ev.StabilityConfirmed,
    ev.StabilityLost, ev.RecordsWentBack, ev.RecordsAccepted,
    ev.CommandRun,
}  # fmt: skip
"""Told by the store, by `deploy`, by `exec` and by what watches after a rollback; the machine tells all others."""


def _page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("events_page", ROOT / "docs/events_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGE = _page()
EXAMPLES: tuple[ev.Occurrence, ...] = PAGE.EXAMPLES


def test_the_page_is_the_code() -> None:
    """After a change of an event: `python docs/events_page.py`."""
    assert [type(example) for example in EXAMPLES] == list(ev.EVENTS)
    assert [type(example) for example in PAGE.WAY_EXAMPLES] == list(WAY_EVENTS)
    every = (*ev.EVENTS, *WAY_EVENTS)
    assert set(every) == set(ev.Occurrence.__subclasses__()) - {ev.Other}
    assert len({event.type for event in every}) == len(every)
    assert PAGE.PAGE.read_text() == PAGE.page()


def test_an_event_under_its_earlier_names_is_the_event_of_today() -> None:
    """Renames change no stored event: readers translate it (rule 10)."""
    assert set(RENAMED_EVENTS.values()) | set(RENAMED_FIELDS) <= {event.type for event in ev.EVENTS}
    assert not set(RENAMED_EVENTS) & {event.type for event in ev.EVENTS}
    for event in ev.EVENTS:
        assert set(RENAMED_FIELDS.get(event.type, {}).values()) <= set(event.__dataclass_fields__), event.type
    held = ev.parse(
        "hold-started", {"cause": "past", "share": 250, "then": "its end", "reason": "slow", "detail": ["x"]}
    )
    assert held == ev.HoldStarted(
        cause=HoldCause.REGRESSION, weight_percent=25.0, on_timeout="none", reason="slow", details=("x",)
    )
    called = ev.parse("person-needed", {"cause": "deadline", "step": "bake", "reason": "why", "old": "1.0"})
    assert called == ev.InterventionRequired(cause="timeout", step="bake", reason="why", stable_version="1.0")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.type)
def test_what_is_stored_comes_back_as_it_was_and_fits_its_schema(example: ev.Occurrence) -> None:
    stored = example.record()
    data = json.loads(json.dumps(stored.data))
    assert ev.parse(stored.type, data) == example
    assert stored.sentence == example.sentence
    jsonschema.validate({"type": stored.type, "sentence": stored.sentence, "data": data}, ev.schemas())


@pytest.mark.parametrize("event", [e for e in ev.EVENTS if e not in (ev.RolloutStarted, ev.CommandRefused)])
def test_an_event_of_an_earlier_version_had_fewer_fields(event: type[ev.Occurrence]) -> None:
    """What earlier versions stored with these types: nothing, or a part of the fields."""
    least: dict[str, Any] = {"cause": "degraded"} if event is ev.HoldStarted else {}
    least = {"verdict": "fail"} if event is ev.VerdictChanged else least
    found = ev.parse(str(event.type), least)
    assert isinstance(found, event)
    assert found.severity is found.usual_severity or isinstance(found, ev.HoldStarted)


def test_an_event_of_a_later_version_is_kept_whole_and_no_quieter() -> None:
    unknown = ev.parse("teleported", {"to": ["mars"]})
    assert (unknown.data, unknown.severity) == ({"to": ["mars"]}, Severity.INFO)
    cause = ev.parse("hold-started", {"cause": "solar-flare"})
    assert (cause.data, cause.severity) == ({"cause": "solar-flare"}, Severity.WARNING)
    assert ev.parse("failed", {"reason": 7}).severity is Severity.CRITICAL


def test_words_from_outside_are_clean_and_bounded_wherever_an_event_keeps_them() -> None:
    """A last line of a log may hold sequences for a terminal, and megabytes."""
    bad = "\x1b]0;owned\x07\x1b[2Jgone\u202e" + "x" * 1_000_000
    stored = ev.RollbackStarted(cause="instance", step="bake", reason=bad, details=(bad,)).record()
    for text in (stored.sentence, text_at(stored.data, "reason"), *each(text_at, stored.data, "details")):
        assert not re.search("[\x00-\x08\x1b\u202e]", text)
        assert "gone" in text
        assert len(text) <= ev.LONGEST


def test_every_event_is_made_somewhere() -> None:
    source = "".join(
        path.read_text() for path in (ROOT / "src/pilotage").rglob("*.py") if "model/events" not in str(path)
    )
    missing = [e for e in ev.EVENTS if f"{e.__name__}(" not in source]
    # A type is written once, in its class: nobody makes or compares events by literals.
    by_hand = {e.type for e in ev.EVENTS if re.search(rf'(Event\(|type (==|!=|in) \(?)"{e.type}"', source)}
    assert not by_hand
    assert not missing


def test_the_machine_really_tells_each_of_its_events(monkeypatch: pytest.MonkeyPatch) -> None:
    told: set[type[ev.Occurrence]] = set()
    tell = Tick.tell

    def remember(turn: Tick, occurrence: ev.Occurrence) -> None:
        told.add(type(occurrence))
        tell(turn, occurrence)

    monkeypatch.setattr(Tick, "tell", remember)
    _live_through_everything()
    assert set(ev.EVENTS) - OF_THE_STORE <= told, [e.type for e in set(ev.EVENTS) - OF_THE_STORE - told]


def _story(
    strategy: str, numbers: Mapping[str, object] = NO_NUMBERS, *, tolerance: str = "low", until: StepKind | None = None
) -> Strategies:
    """A rollout that went well so far, up to a look at its first step of a kind."""
    machine = Strategies()
    machine.start(strategy, tolerance, Mode.FULL, 4, False, 0)
    if numbers:
        whole = {**SHORT[strategy], "hold.timeout": "6s", "pause.timeout": "12s", **numbers}
        machine.plan = a_plan(whole, strategy=strategy, tolerance=tolerance, instances=4)
        machine.state = begin(machine.plan, "old", Mode.FULL, "ada")
    for _ in range(100):
        if until and machine.plan.steps[machine.state.step].kind is until:
            break
        machine.all_goes_well(1)
    return machine


def _ask(machine: Strategies, *kinds: CommandKind) -> None:
    for kind in kinds:
        machine.command(kind, False)
        machine.look(1.0, None)


def _live_through_everything() -> None:
    """Short stories, each with what can go wrong in it."""
    for strategy in SHORT:
        _ask(_story(strategy), CommandKind.PAUSE)
    for strategy, until in (
        ("blue-green", StepKind.KEEP), ("rolling", StepKind.BAKE), ("big-bang", StepKind.BAKE),
        ("feature-toggle", StepKind.BAKE),
    ):  # fmt: skip
        machine = _story(strategy, until=until)
        _ask(machine, CommandKind.ABORT)
        machine.all_goes_well(60)
    gate = _story("canary", {"canary.require_approval": True, "approval.remind_after": "3s"}, until=StepKind.GATE)
    gate.it_stays_so(GOOD, 8)
    _ask(gate, CommandKind.APPROVE, CommandKind.PAUSE, CommandKind.RETRY, CommandKind.PROMOTE)
    endless = _story("canary", {"rollback.enabled": False}, until=StepKind.ANALYSE)
    harm = (Verdict("error rate", VerdictKind.FAIL, "worse"),)
    decide(endless.plan, endless.state, endless.world.seen(harm, ""), (), endless.now)
    first = Strategies()
    first.start("canary", "low", Mode.INITIAL, 4, False, 0)
    _ask(first, CommandKind.ABORT)
    bad, unknown = VerdictKind.FAIL, VerdictKind.INSUFFICIENT_DATA
    for verdict, until in (
        (Verdict("error rate", bad, "worse"), StepKind.ANALYSE),
        (Verdict("error rate", bad, "ill", excuse=Excuse.INSTANCE, instance=ILL), StepKind.ANALYSE),
        (Verdict("error rate", bad, "past", past=True), StepKind.BAKE),
        (Verdict("error rate", unknown, "few"), StepKind.BAKE),
    ):  # fmt: skip
        _story("canary", tolerance="medium", until=until).it_stays_so((verdict, *GOOD[1:]), 40)
    ill = _story("canary", until=StepKind.ANALYSE)
    for health, looks in ((Health.UNHEALTHY, 2), (Health.HEALTHY, 9), (Health.EXITED, 1)):
        for one in ill.world.fleet["new"]:
            one.health = health
        for _ in range(looks):
            ill.look(1.0, None)


def test_what_harm_is_reckoned_from_leaves_out_no_event_that_tells_of_it() -> None:
    """Reports read only events of these types."""
    exposed = (1.0, ev.StepStarted(step="s", finished_step="", weight_percent=25, title="send 25 %"))
    for example in EXAMPLES:
        if example.type not in DECIDING:
            assert harm_began([exposed, (2.0, example)]) is None
            assert well_again([(1.0, ev.TrafficRestored(outcome="on 1.0")), (2.0, example)]) == 1.0
            assert well_again([(2.0, example)]) is None
