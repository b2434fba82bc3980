"""R22: what Pilotage announces in its own words is so, and has a subject that a person would write."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pilotage.app.announcement_truth import untrue
from pilotage.engine.records.store import Store
from pilotage.plan.claims import CLAIMS
from pilotage.plan.communication import words_for
from pilotage.render.announcement import template_of
from pilotage.render.subjects import subject_of
from tests import plans
from tests.unit.engine.test_store import ended, started


def test_a_release_that_serves_is_not_coming_and_one_that_does_not_is_not_out(tmp_path: Path) -> None:
    store = Store(tmp_path)
    rollout = started(store)
    plan = rollout.plan

    def why(item: str) -> str:
        return untrue(store, plan, item, "text")

    assert "is rolling out in production already" in why("release_announcement")
    assert why("status_page_start") == ""
    assert "does not serve all users" in why("status_page_done")
    assert "was not rolled back" in why("rollback_notice")
    ended(store, rollout)
    assert "serves in production already" in why("release_announcement")
    assert "no rollout of" in why("status_page_start")
    assert why("status_page_done") == ""
    other = replace(plan, version="another")
    assert untrue(store, other, "release_announcement", "text") == ""
    assert "has no date" in untrue(store, other, "release_announcement", "coming on [date]")
    store.close()


@pytest.mark.parametrize("item", [item for items in CLAIMS.values() for item in items])
def test_every_announcement_has_a_subject_without_the_calendars_title(item: str) -> None:
    plan = plans.a_plan()
    subject = subject_of(item, "Release Announcement", words_for(plan))
    assert plan.version in subject
    assert "Announcement" not in subject


def test_every_item_of_which_a_claim_is_known_has_a_template() -> None:
    assert all(template_of(item) for items in CLAIMS.values() for item in items)
