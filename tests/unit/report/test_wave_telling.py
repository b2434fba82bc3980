"""C9, R33: what the tenants of each wave are told follows from the events, each once a round."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pilotage.model.events import Completed, Occurrence, StepStarted, TrafficRestored, TrafficWithdrawn
from pilotage.model.wave import Wave
from pilotage.report.wave_telling import WaveNews, ahead, notices, subject, subject_ahead, text
from tests.unit.rollout.test_waves import a_plan

PLAN = a_plan()


def reached(*waves: str, after: str = "") -> StepStarted:
    return StepStarted(step="next", finished_step=after, weight_percent=10, title="", waves=waves)


def watched(wave: str) -> StepStarted:
    sent = next(index for index, step in enumerate(PLAN.steps) if step.id == f"wave-{wave}")
    watch = next(step.id for step in PLAN.steps[sent:] if step.kind in ("analyse", "bake"))
    return StepStarted(step="next", finished_step=watch, weight_percent=10, title="")


def withdrawn(*waves: str, keep: tuple[str, ...] = ()) -> TrafficWithdrawn:
    return TrafficWithdrawn(
        cause="error rate", step="s", version="new", reason="worse", timeout_seconds=1, waves=waves, kept_waves=keep
    )


BACK, PARTLY = TrafficRestored(outcome=""), TrafficRestored(outcome="", partly=True)
DONE = Completed(step="s", version="new")


@pytest.mark.parametrize(
    ("events", "due"),
    [
        ((reached(),), ()),
        ((reached("one"),), ("one/1/started",)),
        ((reached("one"), watched("one"), watched("one")), ("one/1/started", "one/1/done")),
        ((reached("one"), watched("two")), ("one/1/started",)),
        ((reached("one"), watched("one"), reached("rest"), DONE),
         ("one/1/started", "one/1/done", "rest/1/started", "rest/1/done")),
        ((reached("one"), reached("two"), withdrawn("two", keep=("one",)), PARTLY),
         ("one/1/started", "two/1/started", "two/1/returned")),
        ((reached("one"), reached("two"), withdrawn("two", keep=("one",)), PARTLY, BACK),
         ("one/1/started", "two/1/started", "two/1/returned", "one/1/returned")),
        ((reached("one"), BACK, reached("one"), BACK),
         ("one/1/started", "one/1/returned", "one/2/started", "one/2/returned")),
        ((BACK,), ()),
        ((reached("one"), reached("one")), ("one/1/started",)),
    ],
)  # fmt: skip
def test_c9_each_notice_once(events: tuple[Occurrence, ...], due: tuple[str, ...]) -> None:
    assert tuple(one.key for one in notices(PLAN, events)) == due
    for cut in range(len(events)):
        assert due[: len(notices(PLAN, events[:cut]))] == tuple(one.key for one in notices(PLAN, events[:cut]))


@pytest.mark.parametrize("news", WaveNews)
def test_no_mail_names_a_wave_or_another_tenant(news: WaveNews) -> None:
    words = f"{subject(PLAN, news)} {text(PLAN, news, 'old')}"
    assert f"{PLAN.service} {PLAN.version}" in words
    for name in ("acme", "umbrella", "stark", "wave", "two", "rest"):
        assert name not in words.split()


def test_c9_the_notice_before_has_the_day_of_the_wave() -> None:
    day = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
    wave = Wave(name="one", members=("acme",), share_percent=10, bake=1, step="wave-one", not_before=day)
    assert subject_ahead(PLAN, wave) == f"{PLAN.service} {PLAN.version} reaches you on Tuesday, 01 December 2026"
    assert "on Tuesday, 01 December 2026, from 09:30 (UTC)" in ahead(PLAN, wave)
