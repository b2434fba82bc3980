"""The live view of a rollout: split wanted and observed, the rail of steps, each metric with its verdict."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from pilotage.model.live import SeenVerdict
from pilotage.model.plan import Step, StepKind
from pilotage.model.quantity import close_shares, format_duration, format_share
from pilotage.model.record import Recorded, Rollout
from pilotage.model.rollout import Mode, Status
from pilotage.model.step_title import title_of
from pilotage.model.timestamp import local_deadline
from pilotage.model.traffic import WHOLE
from pilotage.render.lines import local_clock
from pilotage.render.rich_table import FittedTable, rich_table
from pilotage.render.scale import LEGEND, ratio_scale
from pilotage.report.verdicts import meaningful
from pilotage.rollout.deadlines import awaited

_COLOUR = {
    Status.QUEUED: "dim", Status.PROGRESSING: "cyan", Status.HOLDING: "yellow", Status.PAUSED: "yellow",
    Status.WITHDRAWN: "bold yellow", Status.ROLLING_BACK: "red",
    Status.COMPLETED: "green", Status.ROLLED_BACK: "magenta", Status.FAILED: "bold red",
    Status.CANCELLED: "dim",
}  # fmt: skip
_VERDICT_COLOUR = {"pass": "green", "fail": "bold red", "source-error": "yellow", "insufficient-data": "dim"}
_BAR = 40
_WIDE = 96
"""Columns from which the scale of a ratio fits next to the figures."""
_HANGING = (0, 0, 0, 2)
"""What is too long for its line goes on below its beginning."""


def rollout_view(rollout: Rollout, events: Sequence[Recorded], last: int = 5) -> RenderableType:
    """One screen: from the plan's hash to the latest events. Colour only repeats what words say."""
    return Panel(
        Group(
            *_head(rollout),
            Text(),
            _standing(rollout),
            *_metrics(rollout),
            *_waived(events),
            *_tail(events, last),
        ),
        title=Text(f"{rollout.service} {rollout.version} → {rollout.environment}"),
        border_style=_COLOUR[rollout.state.status],
        padding=(0, 1),
    )


def _waived(events: Sequence[Recorded]) -> list[RenderableType]:
    """Waived and exempt items, shown as long as the release is shown."""
    told = [
        event
        for event in events
        if any(event.data.get(key) for key in ("waivers", "waived", "not_required", "unconfigured"))
    ]
    if not told:
        return []
    # Loaded only here, so that `status` need not make a class of every event there is.
    from pilotage.model.events import ChecksLeftOut, ReadinessChecked

    checked = [event.what for event in told if isinstance(event.what, ReadinessChecked)]
    waived = [Text(f"  {item} {reason}", "yellow") for one in checked for item, reason in one.waivers.items()]
    spared = [
        Text(f"  {item} not required: {reason}", "dim") for one in checked for item, reason in one.not_required.items()
    ]
    skipped = [Text(f"  {event.sentence}", "yellow") for event in told if isinstance(event.what, ChecksLeftOut)]
    return [*waived, *spared, *skipped]


def _head(rollout: Rollout) -> Iterator[RenderableType]:
    state, step = rollout.state, rollout.plan.steps[rollout.state.step]
    where = f"step {state.step + 1} of {len(rollout.plan.steps)}: {title_of(step, state.new, state.mode)}"
    shown = "" if state.status is Status.COMPLETED else f"   {'at ' * state.status.final}{where}"
    head = Text.assemble((f"● {state.status}", _COLOUR[state.status]), shown)
    if step.kind in (StepKind.ANALYSE, StepKind.BAKE) and not state.status.final:
        planned = format_duration(step.duration)
        longer = state.watched > step.duration  # such as in a hold
        head.append(f"   {state.watched:.0f}s, planned {planned}" if longer else f"   {state.watched:.0f} of {planned}")
    head.append(f"   plan {rollout.plan_hash[:12]} by {rollout.actor}", "dim")
    yield head
    if state.reason:
        yield Padding(Text(close_shares(state.reason), _COLOUR[state.status]), _HANGING)
    if (due := awaited(rollout.plan, state)) is not None:
        answers = ", ".join(f"`pilotage {name}`" for name in due.commands)
        until = local_deadline(due.until, state.at)
        yield Padding(Text(f"waiting for a decision until {until}: {answers}", "bold yellow"), _HANGING)


def _standing(rollout: Rollout) -> Table:
    """Traffic, fleet and steps. A line that is too long continues below its beginning."""
    live = rollout.live
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column()
    grid.add_row("traffic", _traffic(rollout))
    if live.forecast and not rollout.state.status.final:
        grid.add_row(Text("judge", "dim"), Text(close_shares(live.forecast), "dim"))
    if live.health is not None and live.observed and not rollout.state.status.final:
        grid.add_row("health", f"{live.health:.2f}, where 1 means that every metric passes and 0 that every one fails")
    if live.experiment:
        grid.add_row("experiment", close_shares(live.experiment.sentence))
    grid.add_row("fleet", _fleet(rollout))
    if live.trouble and not rollout.state.status.final:
        grid.add_row(Text("trouble", "yellow"), Text(close_shares(live.trouble), "yellow"))
    grid.add_row("steps", _rail(rollout))
    return grid


def _traffic(rollout: Rollout) -> Text:
    live = rollout.live
    routed = live.routed or 0
    filled = round(_BAR * routed / WHOLE)
    text = Text()
    text.append("█" * filled, "cyan")
    text.append("░" * (_BAR - filled), "dim")

    def share(value: int | None) -> str:
        return "–" if value is None else format_share(value / WHOLE)

    compared = rollout.state.mode in (Mode.FULL, Mode.EMERGENCY)
    canary = compared and rollout.plan.answers.deployment_strategy == "canary"
    new = "canary" if canary else "new"
    text.append(f"  {new} target {share(live.wanted)}, router {share(live.routed)}, observed {share(live.observed)}")
    if live.closed:
        text.append("   closed: users see the maintenance page", "bold yellow")
    if live.flag:
        groups = f" and {', '.join(live.flag.groups)}" if live.flag.groups else ""
        text.append(f"   flag on for {format_share(live.flag.share / WHOLE)} of users{groups}")
    return text


def _fleet(rollout: Rollout) -> Text:
    """How many instances of each version run, and how many of them are healthy; what runs as a check."""
    live = rollout.live
    text = Text()
    of_version: dict[str, list[str]] = {}
    for instance in live.instances:
        of_version.setdefault(instance.version, []).append(instance.health)
    parts = [f"{v}: {states.count('healthy')} of {len(states)} healthy" for v, states in of_version.items()]
    text.append("   ".join(parts) or "no instances")
    if rollout.state.status.final:
        text.append("   at the end", "dim")  # nothing observes it any more, and it may be down by now
    for check in live.checks:
        if check.status == "running":
            text.append(f"   {check.name} running", "cyan")
    return text


def _rail(rollout: Rollout) -> Text:
    """The steps that people wait for: done, current (or where it failed), still to come."""
    shown = (
        StepKind.GATE, StepKind.ANALYSE, StepKind.BAKE, StepKind.RETIRE, StepKind.SWITCH, StepKind.KEEP, StepKind.BATCH,
        StepKind.MAINTENANCE, StepKind.REPLACE,
    )  # fmt: skip
    if rollout.state.mode is Mode.INITIAL and not rollout.plan.first:
        return Text("first deployment: everyone gets the version at once", "dim")
    here, text = rollout.state.step, Text()
    undone = rollout.state.status in (Status.ROLLING_BACK, Status.ROLLED_BACK, Status.FAILED)
    reached = False
    for index, step in enumerate(rollout.plan.steps):
        if step.kind not in shown and not rollout.plan.first:
            continue
        if index < here or rollout.state.status is Status.COMPLETED:
            mark, style = "✓", "green"
        elif not reached:
            mark, style = ("✗", "bold red") if undone else ("▶", "bold cyan")
            reached = True
        else:
            mark, style = "○", "dim"
        text.append(f"{mark} {step.title if rollout.plan.first else _short(step)}   ", style)
    return text


def _short(step: Step) -> str:
    """A step's name on the rail."""
    if step.kind is StepKind.GATE and not step.weight:
        return "approval"
    if step.kind in (StepKind.GATE, StepKind.ANALYSE, StepKind.BAKE):
        return f"{step.kind} {step.audience or format_share(step.weight / WHOLE)}"
    if step.kind is StepKind.RETIRE:
        return step.title
    return step.id.replace("-", " ")


def _metrics(rollout: Rollout) -> list[RenderableType]:
    return [Text(), _Metrics(rollout)] if meaningful(rollout) else []


@dataclass(frozen=True)
class _Metrics:
    """Each metric of both versions with its verdict: side by side where there is room, else one below the other."""

    rollout: Rollout

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        verdicts = meaningful(self.rollout)
        if options.max_width >= _WIDE:
            yield self._side_by_side(verdicts)
        else:
            yield from self._one_below_the_other(verdicts)
        if any(verdict.interval for verdict in verdicts):
            yield Text(LEGEND, "dim")

    def _one_below_the_other(self, verdicts: Sequence[SeenVerdict]) -> Iterator[RenderableType]:
        for verdict in verdicts:
            stable, new = ("flag off", "flag on") if verdict.compares_a_flag else ("stable", "new")
            values = close_shares(f"  {stable} {verdict.stable or '–'}, {new} {verdict.canary or '–'}")
            yield Text.assemble((verdict.metric, "bold"), values)
            yield Padding(self._words(verdict), _HANGING)

    def _side_by_side(self, verdicts: Sequence[SeenVerdict]) -> FittedTable:
        rows = (
            (v.metric, close_shares(v.stable or "–"), close_shares(v.canary or "–"), self._words(v)) for v in verdicts
        )
        return rich_table(("metric", "stable", "new", "verdict"), rows)

    def _words(self, verdict: SeenVerdict) -> Text:
        words = Text.assemble(
            (verdict.kind, _VERDICT_COLOUR.get(verdict.kind, "")), f": {close_shares(verdict.sentence)}"
        )
        if drawn := _drawn(self.rollout, verdict):
            words.append(f"\n{drawn}", "dim")
        return words


def _drawn(rollout: Rollout, verdict: SeenVerdict) -> str:
    """The ratio of the rates with all ratios that are not refuted; empty if nothing is compared."""
    if not verdict.interval or verdict.kind == "insufficient-data":
        return ""
    low, high = verdict.interval
    shown = (0.0 if low is None else low, math.inf if high is None else high)
    tolerated = rollout.plan.number("analysis.max_ratio")
    unit = f"{verdict.unit}, ratio: " if verdict.unit else ""
    return f"{unit}1/64× {ratio_scale(verdict.ratio, shown, tolerated)} 256×"


def _tail(events: Sequence[Recorded], last: int) -> list[Text]:
    lines = [Text()]
    for event in events[-last:]:
        clock = local_clock(event.at)
        lines.append(
            Text.assemble(
                (f"{clock}  ", "dim"),
                (f"{event.type_today:<24}", "dim"),
                close_shares(event.sentence),
                overflow="ellipsis",
                no_wrap=True,
            )
        )
    return lines
