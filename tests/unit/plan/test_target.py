"""A plan that needs more than its target can do is refused when it is made: step, capability, and what instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pilotage import Service, make_plan
from pilotage.model.capabilities import (
    Capabilities,
    FlagsCapabilities,
    FleetCapabilities,
    MetricsCapabilities,
    RouterCapabilities,
    together,
)
from pilotage.model.traffic import Split, at_grain, split_between
from pilotage.plan.dates import PlanRefused
from tests.plans import NO_NUMBERS, answers, overrides


def router(**able: Any) -> Capabilities:
    return Capabilities(router=RouterCapabilities(**able), router_name="edge")


def planned(strategy: str, target: Capabilities, numbers: Mapping[str, object] = NO_NUMBERS) -> None:
    service = Service(instances=4, overrides=overrides(numbers, "pilotage.yaml:1"))
    make_plan(answers(deployment_strategy=strategy), version="2", service=service, target=target)


MINUTES = Capabilities(metrics=MetricsCapabilities(period=60, late=60), metrics_name="cloudwatch")
PODS = Capabilities(fleet=FleetCapabilities(most=6), fleet_name="pods")
ALL_OR_NOBODY = Capabilities(flags=FlagsCapabilities(groups=False), flags_name="own")
TENTHS = Capabilities(flags=FlagsCapabilities(grain=100), flags_name="own")
UNMET: tuple[tuple[str, Capabilities, Mapping[str, object], str, str], ...] = (
    (
        *("canary", router(grain=100), {}),
        "weight-5%: router edge sets weights in steps of 10%, and 5% is not a multiple",
        "use canary.weights: [10%, 30%, 50%, 100%]",
    ),
    (
        *("canary", router(grain=10), {"canary.weights": ["10%", "100%"], "canary.holdback": 0.005}),
        "weight-99.5%: router edge sets weights in steps of 1%, and 99.5% is not a multiple",
        "use a canary.holdback that is a multiple of 1%",
    ),
    (
        *("rolling", router(grain=10), {}),
        "batch-1: the weight follows the number of instances, and router edge sets weights in steps of 1%",
        "use deployment_strategy: blue-green, or a router with a finer grain",
    ),
    (
        *("rolling", router(endpoints=False), {}),
        "batch-1: router edge does not report which instances receive requests",
        "use deployment_strategy: blue-green or canary, or a router that does",
    ),
    (
        *("feature-toggle", router(endpoints=False), {}),
        "deploy-dark: router edge does not report which instances receive requests",
        "use deployment_strategy: blue-green or canary, or a router that does",
    ),
    (
        *("canary", router(header_routes=False), {"canary.tester_header": "x-release"}),
        "canary.tester_header: router edge cannot route by a header",
        "leave canary.tester_header out, or use a router with header routes",
    ),
    (
        *("blue-green", router(header_routes=False), {"blue_green.preview_header": "x-p"}),
        "blue_green.preview_header: router edge cannot route by a header",
        "leave blue_green.preview_header out, or use a router with header routes",
    ),
    (
        *("canary", router(headers=("x-beta", "x-release")), {"canary.cohort": "X-Tier=beta"}),
        "canary.cohort: router edge routes by x-beta, x-release and not by x-tier",
        "add x-tier to the router's headers",
    ),
    (
        *("canary", router(mirror=False), {"canary.mirror_weight": 0.1}),
        "mirror: router edge cannot mirror requests",
        "use canary.mirror_weight: 0%, or a router that mirrors",
    ),
    (
        *("canary", router(versions=2), {"canary.baseline": True}),
        "canary.baseline: router edge splits traffic between at most 2 versions; a baseline is a third",
        "use canary.baseline: false",
    ),
    (
        *("canary", MINUTES, {"canary.phase_duration": "2m"}),
        "analyse-5%: metrics cloudwatch count 1m at a time and show it up to 1m later, so an analysis of 2m would see "
        "nothing",
        "use canary.phase_duration: 3m, or metrics that count all the time",
    ),
    (
        *("big-bang", router(closed=False), {}),
        "close: router edge has no maintenance page",
        "use a strategy without downtime, such as deployment_strategy: blue-green, or a router with one",
    ),
    (
        *("blue-green", PODS, {}),
        "fleet pods runs at most 6 instances, and this plan needs up to 8",
        "use fleet.count: 3",
    ),
    (
        *("feature-toggle", ALL_OR_NOBODY, {}),
        "flag-internal: flag provider own cannot turn a flag on for a group",
        "use a provider with groups, such as flagd",
    ),
    (
        *("feature-toggle", TENTHS, {}),
        "flag-5%: flag provider own sets shares in steps of 10%",
        "use feature_toggle.percentages: [10%, 30%, 50%, 100%]",
    ),
)
"""Each with what is not met, and what to do instead."""


@pytest.mark.parametrize(("strategy", "target", "numbers", "unmet", "instead"), UNMET)
def test_a_need_that_is_not_met_is_named_with_what_to_do(
    strategy: str, target: Capabilities, numbers: Mapping[str, object], unmet: str, instead: str
) -> None:
    with pytest.raises(PlanRefused) as refused:
        planned(strategy, target, numbers)
    assert str(refused.value) == f"the environment cannot execute this plan. {unmet}: {instead}"


@pytest.mark.parametrize("strategy", ["canary", "blue-green", "rolling", "big-bang", "feature-toggle"])
def test_a_target_that_can_do_everything_changes_nothing(strategy: str) -> None:
    of = answers(deployment_strategy=strategy)
    assert make_plan(of, version="2", target=Capabilities()).hash == make_plan(of, version="2").hash


def test_what_is_not_needed_is_not_asked_for() -> None:
    modest = router(grain=100, header_routes=False, mirror=False, closed=False, versions=2, sticky=False)
    planned("blue-green", modest)
    planned("canary", modest, {"canary.weights": ["10%", "50%", "100%"]})


def test_several_routers_can_only_what_each_of_them_can() -> None:
    both = together((RouterCapabilities(grain=20, mirror=False, settle=5), RouterCapabilities(grain=50, versions=2)))
    assert both == RouterCapabilities(grain=100, mirror=False, settle=5, versions=2)
    named = [RouterCapabilities(headers=names) for names in ((), ("x-a", "x-b"), ("x-b",), ("x-c",))]
    assert together((named[0], named[1], named[2])).headers == ("x-b",)
    assert not together(tuple(named)).header_routes


@pytest.mark.parametrize(("weight", "set_to"), [(1, 100), (100, 100), (750, 800), (999, 1000), (0, 0)])
def test_on_the_way_back_stable_gets_no_more_than_it_can_carry_whatever_the_grain(weight: int, set_to: int) -> None:
    assert at_grain(split_between("new", weight, "old"), 100) == split_between("new", set_to, "old")
    three = Split((("new", 50), ("base", 50), ("old", 900)))
    assert at_grain(three, 100) == three


def test_r28_a_router_that_loses_requests_when_it_switches_says_so_in_the_plan() -> None:
    lossy, lossless = (
        make_plan(answers(deployment_strategy="canary"), version="2", target=router(lossless_switch=able)).notes
        for able in (False, True)
    )
    (note,) = set(lossy) - set(lossless)
    assert note.startswith("router edge closes idle connections each time the split changes")
    assert not together((RouterCapabilities(), RouterCapabilities(lossless_switch=False))).lossless_switch
