"""Blue-green (R12): a whole second environment is checked before any user has it, then gets all requests at once.

The old environment stays ready for a while, drains and stops. After a rollback the failed environment keeps running for
debugging until `pilotage cleanup` or the next rollout removes it.
"""

from __future__ import annotations

from pilotage.model.action import Action, Apply, Ensure
from pilotage.model.events import EnvironmentKept
from pilotage.model.plan import Plan, StepKind
from pilotage.model.progress import BlueGreenProgress
from pilotage.model.rollout import Hold, Mode, Observed, RolloutState
from pilotage.model.traffic import PREVIEW, HeaderRoute, Split, split_between
from pilotage.rollout import shifting
from pilotage.rollout.checking import awaits_approval, awaits_check
from pilotage.rollout.sight import healthy, present
from pilotage.rollout.turn import UNDER_WAY, Comparison, Strategy, Tick
from pilotage.rollout.undoing import fail_rollback, fail_without_a_way_back, overdue_back, rolled_back
from pilotage.rollout.watching import awaits_watch


class BlueGreen(Strategy):
    progress = BlueGreenProgress()
    unwell_setting = "blue_green.switch_timeout"
    stable_unwell_setting = "blue_green.health_check_timeout"

    # ── start, check, approve, switch, watch; keep, drain, retire ──────────────────────────────────────────

    def awaits(self, turn: Tick) -> str:
        match turn.step.kind:
            case StepKind.SCALE:
                return shifting.awaits_instances(turn)
            case StepKind.CHECK:
                return awaits_check(turn)
            case StepKind.GATE:
                return awaits_approval(turn)
            case StepKind.SWITCH:
                return shifting.awaits_split(turn, _split(turn.plan, turn.state, turn.seen, turn.step.weight))
            case StepKind.BAKE:
                return awaits_watch(turn)
            case StepKind.KEEP:
                return _awaits_end_of_readiness(turn)
            case StepKind.DRAIN:
                return shifting.awaits_drain(turn)
            case StepKind.RETIRE:
                return shifting.awaits_retirement(turn)
            case kind:
                raise ValueError(f"blue-green has no step of kind {kind}")

    def desired(self, plan: Plan, state: RolloutState, seen: Observed) -> tuple[Action, ...]:
        """All instances of both environments, and all requests to one of them."""
        drain = plan.number("blue_green.drain_duration")
        actions: list[Action] = []
        if state.old is not None:
            actions.append(Ensure(state.old, shifting.stable_instances(plan, state, seen, drain)))
        if state.preserved:
            actions.append(Ensure(state.new, shifting.new_instances_deployed(plan, state)))
        else:
            actions.append(Ensure(state.new, shifting.new_instances(plan, state, seen, drain)))
        if (weight := shifting.weight_wanted(plan, state, seen)) is not None:
            actions.append(Apply(_split(plan, state, seen, weight)))
        return tuple(actions)

    def hold(self, turn: Tick) -> Hold | None:
        return shifting.too_few_healthy(turn)

    def exposed(self, plan: Plan, state: RolloutState) -> bool:
        """From the switch on."""
        return any(step.kind is StepKind.SWITCH for step in plan.steps[: state.step + 1])

    def comparison(self, _plan: Plan, _state: RolloutState) -> Comparison:
        return Comparison.BEFORE_AFTER

    def note(self, turn: Tick) -> None:
        shifting.note_drain(turn)

    # ── the way back ───────────────────────────────────────────────────────────────────────────────────────

    def withdraws(self, turn: Tick) -> bool:
        return shifting.has_stable(turn.state)

    def returned(self, turn: Tick) -> bool:
        return shifting.no_user_has_it(turn)

    def undo(self, turn: Tick) -> None:
        """Send requests back first; the failed environment keeps running (rules 1, 2 and 7)."""
        if turn.state.old is None:
            fail_without_a_way_back(turn)
            return
        _keep_for_study(turn)
        shifting.note_requests_back(turn)
        new, old, back, kept = turn.state.new, turn.state.old, turn.state.returned, turn.state.preserved
        if kept and back and healthy(turn.seen, old) >= turn.plan.instances:
            rolled_back(
                turn, f"{old} serves all requests again; {new} keeps running for debugging until `pilotage cleanup`"
            )
        elif back and not kept and not present(turn.seen, new):
            rolled_back(turn, f"{old} serves all requests again; {new} has stopped")
        elif overdue_back(turn):
            left = "not every instance of the old version is healthy" if kept else f"{new} is still running"
            fail_rollback(turn, left if back else f"requests may still reach {new}")


# ── switch ─────────────────────────────────────────────────────────────────────────────────────────────────


def _split(plan: Plan, state: RolloutState, seen: Observed, weight: int) -> Split:
    """All requests to one environment, and testers to the new one."""
    return split_between(state.new, weight, state.old, _preview_route(plan, state, seen, weight))


def _preview_route(plan: Plan, state: RolloutState, seen: Observed, weight: int) -> tuple[HeaderRoute, ...]:
    """Testers reach the new environment while no user does and one of its instances can answer."""
    header = str(plan.setting("blue_green.preview_header").value)
    shown = state.status in UNDER_WAY and weight == 0 and shifting.answers(state, seen)
    return (HeaderRoute(header, PREVIEW, state.new),) if header and shown else ()


# ── keep ───────────────────────────────────────────────────────────────────────────────────────────────────


def _awaits_end_of_readiness(turn: Tick) -> str:
    """The old environment stays ready until the step's time is over."""
    over = turn.state.mode is not Mode.FULL or turn.state.watched >= turn.step.duration
    return "" if over else "the old environment stays ready"


# ── the way back ───────────────────────────────────────────────────────────────────────────────────────────


def _keep_for_study(turn: Tick) -> None:
    """Keep the instances of the failed environment that run, without users."""
    running = any(i.version == turn.state.new for i in turn.seen.instances or ())
    if running and not turn.state.preserved:
        turn.set(progress=BlueGreenProgress(preserved=True))
        turn.tell(EnvironmentKept(version=turn.state.new))
