"""What a plan requires and its target cannot do: one sentence each, with an alternative.

Nothing is silently approximated: a weight of 5% on a router that only sets tenths is refused, not rounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pilotage.model.capabilities import Capabilities
from pilotage.model.plan import Step, StepKind
from pilotage.model.quantity import format_duration, format_share
from pilotage.model.segment import Segment
from pilotage.model.traffic import WHOLE
from pilotage.plan.steps import Numbers
from pilotage.plan.tenant_waves import WantedWaves, groups_of
from pilotage.plan.toggle_stages import SEGMENTS

_JUDGED = (StepKind.ANALYSE, StepKind.BAKE, StepKind.BATCH)


def unmet(
    steps: tuple[Step, ...], numbers: Numbers, full: int, target: Capabilities,
    segments: Mapping[str, Segment] | None = None, waves: WantedWaves | None = None,
) -> Iterator[str]:  # fmt: skip
    """Every need of these steps that `target` does not meet; nothing where the plan can be executed. full: instances
    that carry all traffic · segments: those of the environment's flag · waves: of its tenants."""
    if waves is None:
        yield from _weights(steps, numbers, target)
    else:
        yield from _cohorts(waves, target)
    yield from _walking(steps, target)
    yield from _routes(numbers, target)
    yield from _baseline(numbers, target)
    yield from _closed(steps, target)
    yield from _watched(steps, target)
    yield from _flag(steps, numbers, target)
    yield from _segments(numbers, segments or {}, target)
    most, beside = target.fleet.most, max((step.instances for step in steps), default=full)
    if most and full + beside > most:
        yield (
            f"fleet {target.fleet_name} runs at most {most} instances, and this plan needs up to {full + beside}: "
            f"use fleet.count: {max(1, most // 2)}"
        )


def costs(target: Capabilities) -> tuple[str, ...]:
    """What users pay at this target, a note each."""
    return tuple(_costs(target))


def _costs(target: Capabilities) -> Iterator[str]:
    if not target.router.lossless_switch:
        yield (
            f"router {target.router_name} closes idle connections each time the split changes: a request that a user "
            "sends over one at that moment is lost, unless their client tries again"
        )
    if target.router.keeps_users:
        yield (
            f"router {target.router_name} keeps each user on a version for some time: a larger weight holds for users "
            "who come from then on, so the share of requests grows more slowly than the weight"
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


def _cohorts(waves: WantedWaves, target: Capabilities) -> Iterator[str]:
    """Waves that the router cannot tell from the rest."""
    router, most = f"router {target.router_name}", target.router.cohort
    largest = sum(len(wave.members) for group in groups_of(waves) if not group.rest for wave in group.waves)
    named = target.router.cohort_headers
    if largest > most:
        able = f"at most {most:,} values of a header" if most else "no values of a header"
        instead = "let more tenants be of the rest, or " if most else ""
        yield (
            f"{waves.source}: {router} can send {able} to one version, and the waves before the rest have {largest:,} "
            f"tenants: {instead}use a router whose cohort is at least {largest:,} (`pilotage adapters` lists them)"
        )
    elif named and waves.header.lower() not in named:
        yield (
            f"{waves.source}: {router} does not know tenants by {waves.header}: set the router's tenant_header to "
            f"{waves.header}, or tenants.header to one that it knows"
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
        header = numbers.text(path).partition("=")[0] if path in numbers.settings else ""
        if header and not target.router.header_routes:
            yield (
                f"{path}: router {target.router_name} cannot route by a header: leave {path} out, or use a router with "
                "header routes"
            )
        elif header and target.router.headers and header.lower() not in target.router.headers:
            yield (
                f"{path}: router {target.router_name} routes by {', '.join(target.router.headers)} and not by "
                f"{header}: add {header} to the router's headers"
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


def _watched(steps: tuple[Step, ...], target: Capabilities) -> Iterator[str]:
    """A step must last until figures of one whole period of it are complete: the first period begins before the step,
    and the second one is over two periods later at the latest."""
    period, late = target.metrics.period, target.metrics.late
    least = 2 * period + late
    judged = (step for step in steps if step.judged and step.kind in _JUDGED and 0 < step.duration < least)
    for step in judged if period else ():
        path = next((one.setting for one in step.derived if one.field == "duration"), "")
        if path.startswith("feature_toggle."):  # counted by the variants' own figures
            continue
        instead = "canary.weights: [5%, 25%, 50%, 100%]" if step.ramp else f"{path}: {format_duration(least)}"
        yield (
            f"{step.id}: metrics {target.metrics_name} count {format_duration(period)} at a time and show it up to "
            f"{format_duration(late)} later, so an analysis of {format_duration(step.duration)} would see nothing: use "
            f"{instead}, or metrics that count all the time"
        )
        return


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


def _segments(numbers: Numbers, segments: Mapping[str, Segment], target: Capabilities) -> Iterator[str]:
    """Rules that the provider cannot write as they are meant."""
    if SEGMENTS not in numbers.settings or not target.flags.groups:
        return
    for name in numbers.names(SEGMENTS):
        conditions = segments[name].conditions if name in segments else ()
        foreign = next((one for one in conditions if one.operator not in target.flags.operators), None)
        if foreign is not None:
            able = ", ".join(target.flags.operators)
            yield (
                f"flag-{name}: flag provider {target.flags_name} cannot compare {foreign.attribute} by "
                f"{foreign.operator}: {f'use one of {able}' if able else 'take the segment out of the stages'}, or a "
                "provider with it, such as flagd"
            )
