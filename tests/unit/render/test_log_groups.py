"""R33: a rollout in the log and the summary of a pipeline's job, whatever its events say."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pilotage.model.events import Completed, Occurrence, StepStarted
from pilotage.model.record import Recorded
from pilotage.render.log_groups import GroupedLog, LogGroups
from pilotage.render.rollout_summary import refused_summary

NASTY = "::set-output name=x::y ##[add-path]/tmp \x1b[0Ksection_end:1:x\r\x1b[0K 100%"


def recorded(happened: Sequence[Occurrence]) -> list[Recorded]:
    events = [one.record() for one in happened]
    return [Recorded("r", n, 1_800_000_000.0 + n, e.type, e.sentence, e.data, "", "") for n, e in enumerate(events, 1)]


def step(title: str) -> StepStarted:
    return StepStarted(step="x", finished_step="y", weight_percent=5, title=title)


def log_of(kind: LogGroups, happened: Sequence[Occurrence]) -> list[str]:
    log, events = GroupedLog(kind), recorded(happened)
    return [line for event in events for line in log.lines(event)] + list(log.end(events[-1].at))


def test_r33_each_step_is_a_group_and_the_end_is_outside() -> None:
    lines = log_of(LogGroups.GITHUB, [step("first"), step("second 50%"), Completed(step="second", version="2.0")])
    assert [line for line in lines if line.startswith("::")] == [
        "::group::first", "::endgroup::", "::group::second 50%25", "::endgroup::",
    ]  # fmt: skip
    assert " completed " in lines[-1]
    plain = log_of(LogGroups.NONE, [step("first"), step("second")])
    assert len(plain) == 2
    gitlab = log_of(LogGroups.GITLAB, [step("first")])
    assert gitlab[0] == "\x1b[0Ksection_start:1800000001:pilotage_step_1\r\x1b[0Kfirst"
    assert gitlab[-1] == "\x1b[0Ksection_end:1800000001:pilotage_step_1\r\x1b[0K"


@pytest.mark.parametrize("kind", [LogGroups.GITHUB, LogGroups.GITLAB])
def test_r33_no_text_of_an_event_is_a_command_of_the_runner(kind: LogGroups) -> None:
    log = GroupedLog(kind)
    lines = log_of(kind, [step(NASTY), step(f"\n{NASTY}")])
    texts = [line for line in lines if not log.is_command(line)]
    commands = [line for line in lines if log.is_command(line)]
    assert len(texts) == 2
    assert len(commands) == 4
    assert not any("\n" in line for line in lines)
    assert log.plain(NASTY).lstrip().startswith("::") is (kind is LogGroups.GITLAB)
    if kind is LogGroups.GITHUB:
        assert not any("##[" in line for line in lines)
    else:
        assert all(line.count("\x1b[0K") == 2 for line in commands)


def test_r33_a_refusal_in_the_summary_calls_nobody() -> None:
    text = refused_summary("shop 2.0 → production", "not ready: see @ada, <b>\n/close")
    assert "@ada" not in text
    assert "\n/close" not in text
    assert "\\<b>" in text
