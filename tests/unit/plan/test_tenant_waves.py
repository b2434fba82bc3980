"""Waves of tenants in a plan (R33, R6): which go together, their shares and days, and what cannot be planned."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from pilotage import Plan, Service
from pilotage.model.capabilities import Capabilities, RouterCapabilities
from pilotage.model.plan import StepKind
from pilotage.model.plan_formats import read_plan
from pilotage.model.wave import WaveUndo
from pilotage.plan.dates import PlanRefused
from pilotage.plan.difference import difference
from pilotage.plan.tenant_waves import WantedWave, WantedWaves, first_names, groups_of, in_the_rest
from pilotage.render.ics import to_ics
from pilotage.render.markdown import to_markdown
from tests.plans import overrides, planned

DAY = 86400


def wave(
    name: str, *members: str, size: float | None = None, bake: float | None = None, day: int | None = None
) -> WantedWave:
    weight = len(members) if size is None else size
    return WantedWave(name=name, members=members, size=weight, rest=name == "rest", bake=bake, day=day)


def wanted(*waves: WantedWave, at_most: int = 1, apart: tuple[tuple[str, ...], ...] = ()) -> WantedWaves:
    return WantedWaves(header="x-tenant", waves=waves, at_most=at_most, apart=apart, source="pilotage.yaml:7")


def a_plan(waves: WantedWaves, **inputs: Any) -> Plan:
    return planned(Service(waves=waves, instances=4), **inputs)


THREE = wanted(wave("early", "acme", "umbrella"), wave("eu", "globex"), wave("rest", size=7))


def test_each_wave_is_a_step_with_its_share_and_a_watch() -> None:
    plan = a_plan(THREE)
    ids = [step.id for step in plan.steps]
    assert ids[:3] == ["scale-early", "wave-early", "analyse-early"]
    assert [step.weight for step in plan.steps if step.kind is StepKind.SET_WEIGHT] == [200, 300, 1000]
    assert all(step.instances == 4 for step in plan.steps), "nobody knows what load a tenant brings"
    assert [step.audience for step in plan.steps if step.id == "analyse-eu"] == ["wave eu"]
    assert plan.steps[-3].id == "bake-rest"
    assert [(w.name, w.share_percent, w.step) for w in plan.waves][-1] == ("rest", 70, "wave-rest")
    assert plan.setting("canary.weights").value == (20, 30, 100)


def test_a_plan_with_waves_is_read_as_it_was() -> None:
    plan = a_plan(THREE, release_date=date(2027, 3, 2))
    assert read_plan(plan.to_json()) == plan


@given(sizes=st.lists(st.floats(0, 1e9), min_size=1, max_size=99), rest=st.floats(0, 1e9))
def test_shares_rise_at_every_wave_and_end_at_the_whole(sizes: list[float], rest: float) -> None:
    waves = [wave(f"w{n}", f"t{n}", size=size) for n, size in enumerate(sizes)]
    weights = [group.weight for group in groups_of(wanted(*waves, wave("rest", size=rest)))]
    assert weights[-1] == 1000
    assert all(a < b for a, b in zip([0, *weights], weights, strict=False))


def test_two_of_five_thousand_are_a_share_of_their_own() -> None:
    waves = wanted(wave("few", "a", "b"), wave("rest", size=4998))
    assert [w.share_percent for w in a_plan(waves).waves] == [0.1, 99.9]


def test_waves_without_a_bake_go_together_up_to_the_limit() -> None:
    several = [wave(name, name, bake=0) for name in ("one", "two", "three")]
    waves = wanted(*several, wave("rest"), at_most=2)
    assert [group.name for group in groups_of(waves)] == ["one+two", "three+rest"]
    plan = a_plan(waves)
    assert [s.title for s in plan.steps if s.kind is StepKind.SET_WEIGHT] == [
        "send waves one and two (2 tenants) to the canary",
        "send wave three (1 tenant) and everyone else to the canary",
    ]  # fmt: skip
    assert any("wave two has no bake and starts a step before three" in note for note in plan.notes)


def test_waves_that_must_be_apart_are_two_steps() -> None:
    waves = wanted(
        wave("one", "acme", bake=0), wave("two", "globex"), wave("rest"), at_most=3, apart=(("acme", "globex"),)
    )
    assert [group.name for group in groups_of(waves)] == ["one", "two", "rest"]
    assert any("because acme and globex must be apart" in note for note in a_plan(waves).notes)


def test_r8_tenants_of_one_wave_that_must_be_apart_are_a_conflict_with_the_smallest_change() -> None:
    waves = wanted(wave("one", "acme", "globex"), wave("two", "b"), wave("rest"), apart=(("acme", "globex"),))
    (found,) = a_plan(waves).conflicts
    assert (found.name, found.stops) == ("waves-apart", True)
    assert "both are in the wave one" in found.explanation
    assert found.relaxation == "move globex to the wave two: pilotage waves move globex --to two"
    rest = wanted(wave("one", "b"), wave("rest"), apart=((in_the_rest("acme"), in_the_rest("globex")),))
    assert "both are in the wave rest" in a_plan(rest).conflicts[0].explanation


def test_days_are_working_days_and_the_release_still_lands_on_its_date() -> None:
    waves = wanted(wave("one", "a", bake=DAY, day=1), wave("two", "b", day=3), wave("rest", size=8, day=6))
    plan = a_plan(waves, release_date=date(2027, 3, 10))
    days = {w.name: w.not_before for w in plan.waves}
    assert [f"{day:%a %m-%d %H:%M}" for day in days.values() if day] == [
        "Wed 03-03 09:00", "Fri 03-05 09:00", "Wed 03-10 09:00",
    ]  # fmt: skip
    assert plan.release_date == date(2027, 3, 10)
    assert next(one.begins for one in plan.on_call if one.step == "analyse-two") == days["two"]
    assert b"Wave two starts" in to_ics(plan, plan.on_call[0].begins)


def test_a_plan_without_a_date_has_no_days() -> None:
    assert a_plan(wanted(wave("one", "a", day=2), wave("rest"))).waves[0].not_before is None


@pytest.mark.parametrize(
    ("strategy", "instead"),
    [("rolling", "use deployment_strategy: canary"), ("feature-toggle", "flag.segments and feature_toggle.stages")],
)
def test_another_strategy_is_refused(strategy: str, instead: str) -> None:
    with pytest.raises(PlanRefused, match="cannot send one wave of tenants after another") as refused:
        a_plan(THREE, deployment_strategy=strategy)
    assert instead in str(refused.value)


@pytest.mark.parametrize("path", ["canary.weights", "canary.holdback", "canary.cohort"])
def test_weights_next_to_waves_are_refused(path: str) -> None:
    value = {"canary.weights": ["5%", "100%"], "canary.holdback": "5%", "canary.cohort": "x-tenant=acme"}[path]
    service = Service(waves=THREE, overrides=overrides({path: value}, "pilotage.yaml:9"))
    with pytest.raises(PlanRefused, match=f"pilotage.yaml:9: {path} and pilotage.yaml:7 both say"):
        planned(service)


@pytest.mark.parametrize(
    ("cohort", "said"),
    [(0, "router nginx can send no values of a header"), (2, "router nginx can send at most 2 values of a header")],
)
def test_a_router_with_too_small_a_cohort_is_refused_with_both_numbers(cohort: int, said: str) -> None:
    target = Capabilities(router=RouterCapabilities(cohort=cohort), router_name="nginx")
    with pytest.raises(PlanRefused, match=said) as refused:
        a_plan(THREE, target=target)
    assert "the waves before the rest have 3 tenants" in str(refused.value)
    assert a_plan(THREE, target=replace(target, router=RouterCapabilities(cohort=3, grain=100)))


@pytest.mark.parametrize("headers", [("",), ("x-account",)])
def test_a_router_that_does_not_look_at_the_tenants_header_is_refused(headers: tuple[str, ...]) -> None:
    """Header routes have headers of their own, which say nothing of cohorts."""
    router = RouterCapabilities(cohort=10, cohort_headers=headers, headers=("x-tenant",))
    target = Capabilities(router=router, router_name="haproxy")
    with pytest.raises(PlanRefused, match="router haproxy does not know tenants by x-tenant: set the router's tenant_"):
        a_plan(THREE, target=target)
    for known in ((), ("x-tenant",)):
        assert a_plan(THREE, target=replace(target, router=replace(router, cohort_headers=known, headers=("x-r",))))


def test_five_thousand_tenants_are_in_the_plan_and_not_in_its_text() -> None:
    waves = [wave(f"w{n}", *(f"tenant-{n}-{m}" for m in range(1000))) for n in range(5)]
    plan = a_plan(wanted(*waves, wave("rest", size=100)))
    assert sum(len(w.members) for w in plan.waves) == 5000
    text = to_markdown(plan)
    assert "tenant-3-0, tenant-3-1, tenant-3-2 and 997 more" in text
    assert text.count("tenant-") < 50
    assert first_names(plan.waves[-1]) == "everyone else"


def test_r3_a_tenant_who_moved_is_a_difference() -> None:
    moved = replace(THREE, waves=(wave("early", "acme"), wave("eu", "globex", "umbrella"), THREE.waves[-1]))
    changes = {change.what: change for change in difference(a_plan(THREE), a_plan(moved)) if change.part == "waves"}
    assert changes["early"].after.endswith("(1 fewer: umbrella)")
    assert changes["eu"].after.endswith("(1 more: umbrella)")
    undone = difference(a_plan(THREE), a_plan(replace(THREE, undo=WaveUndo.FAILED)))
    assert "by x-tenant, a failed wave takes back failed" in [change.after for change in undone]
