"""Rollouts as annotations of Grafana (R20): once each, in a region that grows, and somebody's deletion stays one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from pilotage.adapters.notifier import Delivery, Notifier
from pilotage.adapters.notify import open_channel
from pilotage.adapters.outgoing import Undelivered
from pilotage.model.message import Message, Severity
from pilotage.testing.contracts.notifier import MESSAGE

from .. import grafana
from ..grafana import Grafana
from ..receivers import listening, section


@pytest.fixture
def api() -> Iterator[Grafana]:
    found = Grafana()
    with listening(found):
        yield found


@pytest.fixture
def channel(api: Grafana, monkeypatch: pytest.MonkeyPatch) -> Notifier:
    monkeypatch.setenv("GRAFANA", grafana.TOKEN)
    return open_channel(section("grafana", url=api.url, token="secret://env/GRAFANA"))


def message(number: int, type_: str, *, final: bool = False) -> Message:
    made = replace(MESSAGE, key=f"r-1/{number}", type=type_, at=MESSAGE.at + 10 * number, final=final)
    return replace(made, severity=Severity.PROGRESS, title=f"shop 2.4.0 → production: {type_}")


STORY = [message(1, "started"), message(2, "step-started"), message(3, "rollback-started")]
END = message(4, "rolled-back", final=True)


def tell(channel: Notifier) -> dict[str, Any]:
    """The whole story; the receipt of its first message."""
    first = dict(channel.send(Delivery(message=STORY[0])))
    for one in (*STORY[1:], END):
        channel.send(Delivery(message=one, first=first))
    return first


def test_r20_a_rollout_is_a_region_from_its_start_to_its_outcome_with_marks(api: Grafana, channel: Notifier) -> None:
    first = tell(channel)
    region, *marks = api.annotations.values()
    assert (region["time"], region["timeEnd"]) == (int(STORY[0].at * 1000), int(END.at * 1000))
    assert "rolled-back" in region["tags"]
    assert {"pilotage", "service:shop", "environment:production", "version:2.4.0"} <= set(region["tags"])
    assert [one["time"] for one in marks] == [int(one.at * 1000) for one in (*STORY[1:], END)]
    assert first["region"] == 1


def test_while_it_runs_the_region_reaches_to_the_newest_mark(api: Grafana, channel: Notifier) -> None:
    first = channel.send(Delivery(message=STORY[0]))
    channel.send(Delivery(message=STORY[1], first=first))
    assert api.annotations[1]["timeEnd"] == int(STORY[1].at * 1000)
    assert "started" in api.annotations[1]["tags"]


def test_after_a_crash_in_the_middle_everything_is_there_once(api: Grafana, channel: Notifier) -> None:
    first = tell(channel)
    for one in STORY[1:]:
        channel.send(Delivery(message=one, first=first, again=True))
    assert channel.send(Delivery(message=STORY[0], again=True)) == first
    channel.send(Delivery(message=END, first=first, again=True))
    assert api.told() == [one.key for one in (*STORY, END)]
    assert api.annotations[1]["timeEnd"] == int(END.at * 1000)


def test_a_region_that_somebody_deleted_stays_deleted(api: Grafana, channel: Notifier) -> None:
    first = channel.send(Delivery(message=STORY[0]))
    del api.annotations[1]
    channel.send(Delivery(message=END, first=first))
    assert api.told() == [END.key]


def test_a_token_without_its_scope_is_named(channel: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFANA", grafana.VIEWER)
    with pytest.raises(Undelivered, match="annotations:create") as caught:
        channel.send(Delivery(message=STORY[0]))
    assert caught.value.permanent
    assert grafana.VIEWER not in str(caught.value)


def test_long_names_keep_within_grafanas_limit_of_tags(api: Grafana, channel: Notifier) -> None:
    channel.send(Delivery(message=replace(STORY[0], service="s" * 63, environment="e" * 63, version="版" * 128)))
    assert len(api.annotations) == 1
