"""What several tests of a worker and its store begin with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pilotage.engine.records.store import Store

if TYPE_CHECKING:
    from tests.unit.engine.world import World


@pytest.fixture(autouse=True)
def _ports_are_free(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else listens on this machine: a unit fails by none of it."""
    if "real" not in request.keywords:
        from pilotage.adapters.routers import listening

        monkeypatch.setattr(listening, "_refused", lambda *_: 0)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A target that obeys, in the place of every one that is opened."""
    from pilotage.engine.execution import driver
    from tests.unit.engine.world import World

    found = World()
    monkeypatch.setattr(driver, "open_target", lambda *_: found.target())
    return found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store(tmp_path)
    yield found
    found.close()


@pytest.fixture(scope="session")
def scipy_stats() -> Any:
    """`scipy.stats`, for those that compare with it. It is slow to import, and every test process reads every file."""
    from scipy import stats

    return stats
