"""What a kind of adapter cannot do is refused when a plan is made, in one sentence, with something else that plans
(R28, R16): for every kind in the registry, so that no new one approximates in silence."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import pytest

from pilotage import Service, make_plan
from pilotage.adapters.registry import TABLE, get
from pilotage.app.plan import PlanRequest, plan_for
from pilotage.config.loading import load
from pilotage.model.capabilities import (
    Capabilities,
    FlagsCapabilities,
    FleetCapabilities,
    Port,
    RouterCapabilities,
)
from pilotage.plan.dates import PlanRefused
from tests.plans import answers, overrides

HALF_A_PERCENT: Mapping[str, object] = {"canary.weights": ["0.5%", "50%", "100%"]}


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What somebody wants of a plan."""

    strategy: str
    numbers: Mapping[str, object] = field(default_factory=dict)
    instances: int = 4

    def planned_for(self, target: Capabilities) -> None:
        """Raises PlanRefused."""
        service = Service(instances=self.instances, overrides=overrides(self.numbers))
        make_plan(answers(deployment_strategy=self.strategy), version="2", service=service, target=target)


@dataclass(frozen=True, kw_only=True)
class Need:
    """capability: its name · of: a target's adapter · lacks: whether this adapter cannot do it."""

    capability: str
    lacks: Callable[[Any], bool]
    wish: Wish


def _off(capability: str, wish: Wish) -> Need:
    return Need(capability=capability, lacks=lambda can: not getattr(can, capability), wish=wish)


OF_ROUTERS = (
    Need(capability="grain", lacks=lambda can: can.grain > 5, wish=Wish(strategy="canary", numbers=HALF_A_PERCENT)),
    Need(capability="grain", lacks=lambda can: can.grain > 1, wish=Wish(strategy="rolling")),
    _off("header_routes", Wish(strategy="canary", numbers={"canary.tester_header": "x-release"})),
    _off("header_routes", Wish(strategy="canary", numbers={"canary.cohort": "x-tier=beta"})),
    _off("header_routes", Wish(strategy="blue-green", numbers={"blue_green.preview_header": "x-preview"})),
    _off("mirror", Wish(strategy="canary", numbers={"canary.mirror_weight": 0.1})),
    _off("closed", Wish(strategy="big-bang")),
    _off("endpoints", Wish(strategy="rolling")),
    _off("endpoints", Wish(strategy="feature-toggle")),
    Need(
        capability="versions",
        lacks=lambda can: 0 < can.versions < 3,
        wish=Wish(strategy="canary", numbers={"canary.baseline": True}),
    ),
)
OF_FLEETS = (Need(capability="most", lacks=lambda can: can.most > 0, wish=Wish(strategy="blue-green", instances=200)),)
OF_FLAGS = (
    Need(
        capability="grain",
        lacks=lambda can: can.grain > 5,
        wish=Wish(strategy="feature-toggle", numbers={"feature_toggle.percentages": ["0.5%", "50%", "100%"]}),
    ),
    _off("groups", Wish(strategy="feature-toggle")),
)
NEEDS: Mapping[Port, tuple[Need, ...]] = {Port.ROUTER: OF_ROUTERS, Port.FLEET: OF_FLEETS, Port.FLAGS: OF_FLAGS}
ELSEWHERE: Mapping[Port, Mapping[str, str]] = {
    Port.ROUTER: {
        "headers": "test_target.py: a header that the configuration does not name",
        "cohort": "refused when a plan has waves of tenants",
        "cohort_headers": "refused when a plan has waves of tenants",
        "sticky": "no strategy needs it: without it, users change versions as they would anyway",
        "own_requests": "refused when the configuration is read: `synthetic` needs it",
        "lossless_switch": "a note of the plan",
        "keeps_users": "a note of the plan",
        "fails_over": "no plan needs it: health checks find an instance that is dead",
        "settle": "not a limit",
    },
    Port.FLEET: {
        "provides": "refused when the configuration is read: a trigger needs the metric",
        "logs": "not part of a plan",
        "prepares": "without it, no plan has the step",
    },
    Port.FLAGS: {
        "operators": "test_target.py, test_toggle_stages.py: they depend on the segments",
        "rehearse": "without it, the kill switch is not tried, and the step says so",
    },
}


def _target(port: Port, kind: str, can: Any) -> Capabilities:
    match port:
        case Port.ROUTER:
            return Capabilities(router=can, router_name=kind)
        case Port.FLEET:
            return Capabilities(fleet=can, fleet_name=kind)
        case _:
            return Capabilities(flags=can, flags_name=kind)


def _lacking() -> Iterator[Any]:
    """Every need that some kind does not meet: of the kinds in the registry, and of one that can do nothing."""
    nothing: Mapping[Port, Any] = {
        Port.ROUTER: RouterCapabilities(
            grain=100, header_routes=False, mirror=False, sticky=False, closed=False, endpoints=False, versions=2
        ),
        Port.FLEET: FleetCapabilities(most=8),
        Port.FLAGS: FlagsCapabilities(grain=100, groups=False),
    }
    for port, needs in NEEDS.items():
        kinds = {kind: get(port, kind).capabilities for kind in TABLE[port]}
        for need in needs:
            for kind, can in {**kinds, "modest": nothing[port]}.items():
                if need.lacks(can):
                    name = "-".join((port, kind, need.capability, need.wish.strategy, *need.wish.numbers))
                    yield pytest.param(port, kind, can, need.wish, id=name)


def followed(sentence: str, wish: Wish) -> Wish:
    """The same with what the sentence says to do instead."""
    if found := re.search(r"(?:use|such as) deployment_strategy: ([a-z-]+)", sentence):
        return replace(wish, strategy=found[1])
    if found := re.search(r"use fleet\.count: (\d+)", sentence):
        return replace(wish, instances=int(found[1]))
    if found := re.search(r"use ([a-z_]+\.[a-z_]+): \[([^]]+)\]", sentence):
        return replace(wish, numbers={**wish.numbers, found[1]: found[2].split(", ")})
    if found := re.search(r"use ([a-z_]+\.[a-z_]+): ([^,\s]+)", sentence):
        return replace(wish, numbers={**wish.numbers, found[1]: _plain(found[2])})
    if found := re.search(r"leave ([a-z_.]+) out", sentence):
        return replace(wish, numbers={name: value for name, value in wish.numbers.items() if name != found[1]})
    pytest.fail(f"nobody can follow this: {sentence}")


def _plain(text: str) -> object:
    return {"true": True, "false": False}.get(text, text)


@pytest.mark.parametrize(("port", "kind", "can", "wish"), list(_lacking()))
def test_what_a_kind_cannot_do_is_refused_with_an_alternative_that_plans(
    port: Port, kind: str, can: Any, wish: Wish
) -> None:
    target = _target(port, kind, can)
    with pytest.raises(PlanRefused) as refused:
        wish.planned_for(target)
    for _ in range(5):
        said = str(refused.value)
        assert kind in said
        assert "\n" not in said
        if "use a provider with groups" in said:
            return  # Its alternative is another provider, which is named.
        wish = followed(said, wish)
        try:
            wish.planned_for(target)
        except PlanRefused as again:
            refused = pytest.ExceptionInfo.from_exception(again)
        else:
            return
    pytest.fail(f"whoever follows all of it is still refused: {said}")


@pytest.mark.parametrize("port", list(NEEDS), ids=str)
def test_a_capability_is_a_need_of_plans_or_said_why_not(port: Port) -> None:
    """A new capability is refused by somebody, or has its reason here."""
    kinds: Mapping[Port, Any] = {
        Port.ROUTER: RouterCapabilities, Port.FLEET: FleetCapabilities, Port.FLAGS: FlagsCapabilities,
    }  # fmt: skip
    named = {need.capability for need in NEEDS[port]} | set(ELSEWHERE[port])
    assert named == {one.name for one in fields(kinds[port])}


# ── by a configuration ─────────────────────────────────────────────────────────────────────────────────────

CLOUDFLARE = {
    "kind": "cloudflare", "load_balancer": "shop.example.org", "zone": "a" * 32, "account": "b" * 32,
    "token": "secret://env/CLOUDFLARE_TOKEN",
}  # fmt: skip
ALB = {
    "kind": "alb",
    "listener": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/shop/50dc6c495c0c9188/f2f7dc8efc",
}
ENVOY = {"kind": "envoy", "listen": "127.0.0.1:8080"}
UNLEASH = {
    "kind": "unleash", "key": "checkout", "url": "https://unleash.example.org", "environment": "production",
    "token": "secret://env/UNLEASH_TOKEN",
}  # fmt: skip
CONFIGURED: Mapping[str, tuple[Mapping[str, Any], str, Mapping[str, object], str]] = {
    "half a percent at Cloudflare": (
        {"router": CLOUDFLARE}, "canary", HALF_A_PERCENT,
        "weight-0.5%: router cloudflare sets weights in steps of 1%, and 0.5% is not a multiple: use canary.weights: "
        "[1%, 50%, 100%]",
    ),
    "a tester's header at Cloudflare": (
        {"router": CLOUDFLARE}, "canary", {"canary.tester_header": "x-release"},
        "canary.tester_header: router cloudflare cannot route by a header: leave canary.tester_header out, or use a "
        "router with header routes",
    ),
    "a maintenance page at Cloudflare": (
        {"router": CLOUDFLARE}, "big-bang", {},
        "close: router cloudflare has no maintenance page: use a strategy without downtime, such as "
        "deployment_strategy: blue-green, or a router with one",
    ),
    "mirrored requests at an ALB": (
        {"router": ALB}, "canary", {"canary.mirror_weight": "10%"},
        "mirror: router alb cannot mirror requests: use canary.mirror_weight: 0%, or a router that mirrors",
    ),
    "half a percent of an Unleash flag": (
        {"router": ENVOY, "flag": UNLEASH}, "feature-toggle", {"feature_toggle.percentages": ["0.5%", "100%"]},
        "flag-0.5%: flag provider unleash sets shares in steps of 1%: use feature_toggle.percentages: [1%, 100%]",
    ),
}  # fmt: skip
"""Sections of an environment, strategy, settings, and the sentence."""


@pytest.mark.parametrize(("sections", "strategy", "numbers", "said"), CONFIGURED.values(), ids=list(CONFIGURED))
def test_a_configuration_is_refused_before_anything_begins_and_plans_with_what_the_sentence_says(
    sections: Mapping[str, Any], strategy: str, numbers: Mapping[str, object], said: str, tmp_path: Path
) -> None:
    def planned(wish: Wish) -> None:
        fleet = {"kind": "process", "command": ["true", "{version}", "{port}"], "count": 2}
        metrics = {"kind": "prometheus", "url": "http://127.0.0.1:9090", "preset": "envoy"}
        environment = {"fleet": fleet, "metrics": metrics, "overrides": dict(wish.numbers), **sections}
        asked = vars(answers(deployment_strategy=wish.strategy))
        whole = {
            "service": "shop",
            "answers": json.loads(json.dumps(asked, default=list)),
            "environments": {"live": environment},
        }
        (tmp_path / "pilotage.yaml").write_text(json.dumps(whole, default=list))
        plan_for(load(tmp_path / "pilotage.yaml"), "live", PlanRequest("2.0"))

    wish = Wish(strategy=strategy, numbers=numbers)
    with pytest.raises(PlanRefused) as refused:
        planned(wish)
    assert str(refused.value) == f"the environment cannot execute this plan. {said}"
    planned(followed(said, wish))


def test_a_router_that_keeps_users_says_what_that_means_in_the_plan() -> None:
    kept, free = (
        make_plan(
            answers(deployment_strategy="canary"), version="2",
            target=Capabilities(router=RouterCapabilities(keeps_users=able), router_name="edge"),
        ).notes
        for able in (True, False)
    )  # fmt: skip
    (note,) = set(kept) - set(free)
    assert note.startswith(
        "router edge keeps each user on a version for some time: a larger weight holds for users who"
    )
