"""What a plan requires and its target cannot do: one sentence each, with an alternative.

Nothing is silently approximated: a weight of 5% on a router that only sets tenths is refused, not rounded.
"""

from __future__ import annotations

from collections.abc import Iterator

from pilotage.model.capabilities import Capabilities
from pilotage.model.plan import Step, StepKind
from pilotage.model.quantity import format_share
from pilotage.model.traffic import WHOLE
from pilotage.plan.steps import Numbers


def unmet(steps: tuple[Step, ...], numbers: Numbers, full: int, target: Capabilities) -> Iterator[str]:
    """Every need of these steps that `target` does not meet; nothing where the plan can be executed. full: instances
    that carry all traffic."""
    yield from _weights(steps, numbers, target)
    yield from _walking(steps, target)
    yield from _routes(numbers, target)
    yield from _baseline(numbers, target)
    yield from _closed(steps, target)
    yield from _flag(steps, numbers, target)
    most, beside = target.fleet.most, max((step.instances for step in steps), default=full)
    if most and full + beside > most:
        yield (
            f"fleet {target.fleet_name} runs at most {most} instances, and this plan needs up to {full + beside}: "
            f"use fleet.count: {max(1, most // 2)}"
        )


def _weights(steps: tuple[Step, ...], numbers: Numbers, target: Capabilities) -> Iterator[str]:
    grain, router = target.router.grain, f"router {target.router_name}"
    if grain == 1:
        return
    if batch := next((step for step in steps if step.kind is StepKind.BATCH), None):
        yield (
            f"{batch.id}: the weight follows the number of instances, and {router} sets weights in steps of "
            f"{format_share(grain / WHOLE)}: use deployment_strategy: blue-green, or a router with a finer grain"
        )
        return
    wrong = next((step for step in steps if step.kind is StepKind.SET_WEIGHT and step.weight % grain), None)
    if wrong is not None:
        yield (
            f"{wrong.id}: {router} sets weights in steps of {format_share(grain / WHOLE)}, and "
            f"{format_share(wrong.weight / WHOLE)} is not a multiple: {_instead(wrong, numbers, grain)}"
        )


def _walking(steps: tuple[Step, ...], target: Capabilities) -> Iterator[str]:
    """When instances are replaced in batches, also with a flag that is off, each waits until the router sends it
    nothing. So the router must report where it sends requests."""
    walks = any(step.kind in (StepKind.BATCH, StepKind.FLAG_RAMP) for step in steps)
    if walks and not target.router.endpoints:
        first = next(step for step in steps if step.kind in (StepKind.BATCH, StepKind.SCALE))
        yield (
            f"{first.id}: router {target.router_name} does not report which instances receive requests: use "
            "deployment_strategy: blue-green or canary, or a router that does"
        )


def _instead(wrong: Step, numbers: Numbers, grain: int) -> str:
    if wrong.weight not in numbers.weights("canary.weights"):
        return f"use a canary.holdback that is a multiple of {format_share(grain / WHOLE)}"
    return f"use canary.weights: {_rounded(numbers.weights('canary.weights'), grain)}"


def _rounded(weights: tuple[int, ...], grain: int) -> str:
    """The weights as the target can set them, each rounded up."""
    fitting = dict.fromkeys(min(WHOLE, -(-weight // grain) * grain) for weight in weights)
    return f"[{', '.join(format_share(weight / WHOLE) for weight in fitting)}]"


def _routes(numbers: Numbers, target: Capabilities) -> Iterator[str]:
    for path in ("canary.tester_header", "canary.cohort", "blue_green.preview_header"):
        if path in numbers.settings and numbers.text(path) and not target.router.header_routes:
            yield (
                f"{path}: router {target.router_name} cannot route by a header: leave {path} out, or use a router with "
                "header routes"
            )
    if (
        "canary.mirror_weight" in numbers.settings
        and numbers.value("canary.mirror_weight")
        and not target.router.mirror
    ):
        yield (
            f"mirror: router {target.router_name} cannot mirror requests: use canary.mirror_weight: 0%, or a router "
            "that mirrors"
        )


def _baseline(numbers: Numbers, target: Capabilities) -> Iterator[str]:
    most = target.router.versions
    if "canary.baseline" in numbers.settings and numbers.value("canary.baseline") and 0 < most < 3:
        yield (
            f"canary.baseline: router {target.router_name} splits traffic between at most {most} versions; a baseline "
            "is a third: use canary.baseline: false"
        )


def _closed(steps: tuple[Step, ...], target: Capabilities) -> Iterator[str]:
    closing = next((step for step in steps if step.downtime), None)
    if closing is not None and not target.router.closed:
        yield (
            f"{closing.id}: router {target.router_name} has no maintenance page: use a strategy without downtime, such "
            "as deployment_strategy: blue-green, or a router with one"
        )


def _flag(steps: tuple[Step, ...], numbers: Numbers, target: Capabilities) -> Iterator[str]:
    ramps = [step for step in steps if step.kind is StepKind.FLAG_RAMP]
    grain, name = target.flags.grain, f"flag provider {target.flags_name}"
    if (group := next((step for step in ramps if step.audience), None)) and not target.flags.groups:
        yield f"{group.id}: {name} cannot turn a flag on for a group: use a provider with groups, such as flagd"
    if wrong := next((step for step in ramps if step.weight % grain), None):
        yield (
            f"{wrong.id}: {name} sets shares in steps of {format_share(grain / WHOLE)}: "
            f"use feature_toggle.percentages: {_rounded(numbers.weights('feature_toggle.percentages'), grain)}"
        )
