"""PostgreSQL fails over to a standby under way: to one that has everything, and to one that lost the last second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pilotage.engine.location import DATABASE
from pilotage.model.rollout import Status

from .harness import begun, problems
from .pair import Pair, pair
from .test_two_workers import wait

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("postgres")]


@pytest.fixture
def servers(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    with pair(tmp_path_factory.mktemp("pair")) as started:
        monkeypatch.setenv(DATABASE, started.url)
        yield started


def test_a_failover_to_a_synchronous_standby_is_not_noticed(
    tmp_path: Path, servers: Pair, controllers: Callable[[], int]
) -> None:
    """What was recorded is there, and the rollout goes on where it was, nothing twice."""
    servers.synchronous()
    rollout = begun(tmp_path, "canary", canary__phase_duration="1s")
    controllers()
    before = wait(tmp_path, rollout, lambda r: r.state.step >= 2)
    servers.fail_over()
    ended = wait(tmp_path, rollout, lambda r: r.state.status.final)
    assert ended.state.status is Status.COMPLETED, ended.state.reason
    assert ended.events > before.events
    time.sleep(0.3)
    assert not problems(tmp_path, "canary", "good", rollout)
