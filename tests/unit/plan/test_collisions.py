"""R34, R24: releases whose days collide."""

from __future__ import annotations

from datetime import UTC, date, datetime

from pilotage.model.agenda import DatedRelease
from pilotage.model.calendar import Calendar, Freeze
from pilotage.plan.collisions import collisions

DAY = date(2026, 12, 1)


def planned(service: str, version: str = "1.0.0", day: date = DAY, environment: str = "production") -> DatedRelease:
    return DatedRelease(service=service, environment=environment, version=version, day=day)


def said(*releases: DatedRelease, depends_on: dict[str, list[str]] | None = None) -> list[str]:
    return [one.sentence for one in collisions(releases, depends_on or {}, Calendar(), {})]


def test_two_versions_of_a_service_on_one_day_collide_and_of_two_environments_do_not() -> None:
    (found,) = said(planned("shop", "1.0.0"), planned("shop", "1.1.0"))
    assert found == (
        "shop 1.0.0 and shop 1.1.0 are planned for the same day in production, and one environment takes one rollout "
        "at a time"
    )
    assert said(planned("shop"), planned("shop", "1.1.0", environment="staging")) == []
    assert said(planned("shop"), planned("search")) == []


def test_a_service_and_what_it_depends_on_collide_and_so_do_two_that_share_a_dependency() -> None:
    (direct,) = said(planned("shop"), planned("payments"), depends_on={"shop": ["payments"]})
    assert "shop depends on payments" in direct
    (shared,) = said(
        planned("shop"), planned("search"), depends_on={"shop": ["catalogue"], "search": ["catalogue", "x"]}
    )
    assert shared.endswith("and both depend on catalogue")


def test_a_release_in_a_freeze_or_on_a_day_off_collides() -> None:
    saturday = planned("shop", day=date(2026, 12, 5))
    assert said(saturday) == ["shop 1.0.0 is planned for a day without work: 2026-12-05 is a Saturday"]
    freeze = Freeze("launch", datetime(2026, 11, 30, tzinfo=UTC), datetime(2026, 12, 2, tzinfo=UTC), "ada: launch")
    (found,) = collisions((planned("shop"),), {}, Calendar(), {("shop", "production"): [freeze]})
    assert found.sentence == "shop 1.0.0 is planned for production while the freeze launch holds"
    assert collisions((planned("shop"),), {}, Calendar(), {("search", "production"): [freeze]}) == ()
