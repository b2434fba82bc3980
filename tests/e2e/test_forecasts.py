"""R17, R24: two releases of a repository, one of them harmful, and what the report says of their forecasts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import update

from pilotage.app.forecast_looks import look
from pilotage.engine.records import outcomes
from pilotage.engine.records.tables import rollouts
from pilotage.model.forecast import DAY, Fate

from ..unit.risk.repository import Repository
from .conftest import Make, Shop, users

pytestmark = [pytest.mark.real, pytest.mark.long]

CART = "def total(prices):\n    return sum(prices)\n"


def told(it: Shop) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(it.run("report", "--format", "json"))["forecasts"]
    return found


def grown_old(it: Shop, days: float) -> None:
    """As if every rollout had been so many days earlier."""
    store = it.store()
    earlier = {name: rollouts.c[name] - days * DAY for name in ("started_at", "finished_at")}
    with store.engine.begin() as connection:
        connection.execute(update(rollouts).values(**earlier))
    store.close()


def test_r17_r24_what_the_plans_forecast_is_compared_with_what_happened(shop: Make) -> None:
    it = shop()
    repository = Repository(it.directory)
    (it.directory / ".gitignore").write_text(".pilotage/\nreleases/\n")
    repository.clock = int(it.store().clock.now() - 40 * DAY)
    repository.commit("feat: a cart", {"cart.py": CART})
    repository.git("tag", "v1")
    it.run("deploy", it.release("v1"))
    repository.commit("feat: a discount", {"cart.py": CART.replace("sum(prices)", "sum(prices) * 0.9")})
    repository.git("tag", "v2")
    repository.commit("feat: rounding", {"rounding.py": "def cents(price):\n    return round(price, 1)\n"})
    repository.git("tag", "v3")
    with users(it):
        it.run("deploy", it.release("v2"))
        assert it.latest().plan.risk is not None
        it.run("deploy", it.release("v3", "errors"), expect=4)
    found = told(it)
    assert [(one["version"], one["outcome"], one["counts"]) for one in found["forecasts"]] == [
        ("v2", "open", False), ("v3", "repaired", False)
    ]  # fmt: skip
    assert found["forecasts"][1]["reason"].startswith("rolled back: ")
    assert (found["without_forecast"], found["brier"]) == (0, None)

    repository.commit("fix: the discount", {"cart.py": CART.replace("sum(prices)", "sum(prices) * 0.95")})
    grown_old(it, 39)
    found = told(it)
    assert [(one["outcome"], one["counts"]) for one in found["forecasts"]] == [("repaired", True)] * 2
    assert found["forecasts"][0]["reason"].endswith("repairs it: fix: the discount")
    expected = [(1 - one["probability_percent"] / 100) ** 2 for one in found["forecasts"]]
    assert found["brier"] == pytest.approx(sum(expected) / 2, abs=1e-4)
    text = it.run("report", "--format", "markdown")
    assert "Of 2 releases whose time is over, 2 needed a repair (100%)." in text
    assert "That is too few to say how good the forecasts are" in text
    _kept_by_the_worker(it)


def _kept_by_the_worker(it: Shop) -> None:
    """Its hourly look, which has nothing to do twice."""
    store = it.store()
    now, ids = store.clock.now(), [one.id for one in store.history("shop", "production")]
    assert outcomes.any_due(store.engine, now)
    look(store, it.state)
    kept = outcomes.settled(store.engine, ids)
    assert [one.outcome.fate for one in kept.values()] == [Fate.REPAIRED] * 2
    look(store, it.state)
    assert {one.at for one in outcomes.settled(store.engine, ids).values()} == {one.at for one in kept.values()}
    store.close()
