"""Canary (R13): the new version runs next to the old one, and gets a growing share of requests while it proves itself.

For each weight: approve, start instances, shift requests, watch. At the end the old version drains and stops.
docs/guides/canary.md has the rules.
"""

from __future__ import annotations

from dataclasses import replace

from pilotage.model.action import Action, Apply, Ensure
from pilotage.model.observation import Verdict, VerdictKind
from pilotage.model.plan import Plan, StepKind
from pilotage.model.progress import CanaryProgress
from pilotage.model.rollout import Hold, HoldCause, Mode, Observed, RolloutState, Status
from pilotage.model.traffic import TESTER, WHOLE, HeaderRoute, Mirror, Split
from pilotage.model.wave import names_within
from pilotage.rollout import baseline, shifting, waves
from pilotage.rollout.canaries import too_few_ready
from pilotage.rollout.checking import awaits_approval, awaits_check
from pilotage.rollout.harm import STRONG_EVIDENCE, sentence_of
from pilotage.rollout.sight import present
from pilotage.rollout.turn import FORWARD, Comparison, Strategy, Tick, switch
from pilotage.rollout.undoing import fail_rollback, fail_without_a_way_back, overdue_back, rolled_back
from pilotage.rollout.watching import awaits_watch


class Canary(Strategy):
    progress = CanaryProgress()
    unwell_setting = "canary.switch_timeout"
    stable_unwell_setting = "canary.health_check_timeout"

    # ── begin ──────────────────────────────────────────────────────────────────────────────────────────────

    def first_step(self, plan: Plan, _mode: Mode) -> int:
        """The last SCALE step before everyone has it; with a holdback, that of the weight before."""
        first = next(i for i, s in enumerate(plan.steps) if s.weight == WHOLE)
        return max(i for i, s in enumerate(plan.steps[: first + 1]) if s.kind is StepKind.SCALE)

    # ── approve, start, shift, watch; drain, retire ────────────────────────────────────────────────────────

    def awaits(self, turn: Tick) -> str:
        match turn.step.kind:
            case StepKind.GATE:
                return awaits_approval(turn)
            case StepKind.CHECK:
                return awaits_check(turn)
            case StepKind.SCALE:
                return _awaits_canaries(turn)
            case StepKind.SET_WEIGHT:
                return shifting.awaits_split(turn, _split(turn.plan, turn.state, turn.seen, turn.step.weight))
            case StepKind.ANALYSE | StepKind.BAKE:
                return awaits_watch(turn)
            case StepKind.DRAIN:
                return shifting.awaits_drain(turn)
            case StepKind.RETIRE:
                return shifting.awaits_retirement(turn)
            case kind:
                raise ValueError(f"a canary has no step of kind {kind}")

    def desired(self, plan: Plan, state: RolloutState, seen: Observed) -> tuple[Action, ...]:
        """All of stable until it retires, the canary and its baseline, and the split of requests between them."""
        drain = plan.number("canary.drain_duration")
        actions: list[Action] = []
        if state.old is not None:
            actions.append(Ensure(state.old, shifting.stable_instances(plan, state, seen, drain)))
        actions.append(Ensure(state.new, shifting.new_instances(plan, state, seen, drain)))
        actions.extend(baseline.desired(plan, state, seen))
        if (weight := shifting.weight_wanted(plan, state, seen)) is not None:
            actions.append(Apply(_split(plan, state, seen, weight)))
        return tuple(actions)

    def hold(self, turn: Tick) -> Hold | None:
        return shifting.too_few_healthy(turn)

    def hold_before_exposing(self, turn: Tick) -> Hold | None:
        return _hold_of_the_ramp(turn) or waves.hold_for_the_day(turn)

    def exposed(self, _plan: Plan, state: RolloutState) -> bool:
        """From the first weight that this rollout set; a quick return starts behind the plan's first weight."""
        return state.reached > 0

    def comparison(self, _plan: Plan, _state: RolloutState) -> Comparison:
        return Comparison.SIDE_BY_SIDE

    def verdicts(self, turn: Tick) -> tuple[Verdict, ...]:
        return too_few_ready(turn)

    def baseline(self, plan: Plan, old: str | None) -> str | None:
        return baseline.name(plan, old)

    def note(self, turn: Tick) -> None:
        shifting.note_drain(turn)
        waves.lose_them(turn)

    # ── the way back ───────────────────────────────────────────────────────────────────────────────────────

    def withdraws(self, turn: Tick) -> bool:
        return shifting.has_stable(turn.state)

    def keeps(self, turn: Tick) -> int:
        return waves.keeps(turn)

    def withdrawn(self, _state: RolloutState, kept: int) -> CanaryProgress:
        return CanaryProgress(kept=kept)

    def returned(self, turn: Tick) -> bool:
        kept = waves.kept(turn.state)
        if not kept:
            return shifting.no_user_has_it(turn)
        return turn.seen.split is not None and turn.seen.split == _split(turn.plan, turn.state, turn.seen, kept)

    def confirmed(self, turn: Tick) -> str:
        if kept := waves.kept(turn.state):
            users = " and ".join(names_within(turn.plan.waves, 0, kept))
            return f"the router confirms that only {users} reach {turn.state.new}"
        return super().confirmed(turn)

    def undo(self, turn: Tick) -> None:
        """Send requests back first; then the canary finishes those it has, and stops (rules 1, 2 and 7)."""
        if turn.state.old is None:
            fail_without_a_way_back(turn)
            return
        shifting.note_requests_back(turn)
        new, old, back = turn.state.new, turn.state.old, turn.state.returned
        if back and not present(turn.seen, new):
            rolled_back(turn, f"{old} serves all requests again; {new} has stopped")
        elif overdue_back(turn):
            fail_rollback(turn, f"{new} is still running" if back else f"requests may still reach {new}")


# ── start ──────────────────────────────────────────────────────────────────────────────────────────────────


def _awaits_canaries(turn: Tick) -> str:
    """The step's canaries are healthy, and so is the baseline where the plan has one."""
    if baseline.ready(turn):
        return shifting.awaits_instances(turn)
    return f"{shifting.instances_so_far(turn)}; the baseline is not complete"


# ── shift ──────────────────────────────────────────────────────────────────────────────────────────────────


def _split(plan: Plan, state: RolloutState, seen: Observed, weight: int) -> Split:
    """The split at a weight: with the testers' routes, the baseline's share taken from stable, and the mirror."""
    routes = _tester_routes(plan, state, seen, weight)
    split = replace(waves.split_at(plan, state, seen, weight), header_routes=routes)
    split = baseline.beside(plan, state, seen, split)
    mirrored = plan.steps[state.step].mirror
    if mirrored and weight == 0 and state.status in FORWARD and shifting.answers(state, seen):
        return Split(split.weights, split.header_routes, Mirror(state.new, mirrored))
    return split


def _tester_routes(plan: Plan, state: RolloutState, seen: Observed, weight: int) -> tuple[HeaderRoute, ...]:
    """Testers and one cohort of users reach the canary from its first weight until everyone has it. After a withdrawal
    testers may still study it; the cohort goes back with the other users."""
    header = str(plan.setting("canary.tester_header").value)
    if state.status is Status.WITHDRAWN and shifting.answers(state, seen):
        return (HeaderRoute(header, TESTER, state.new),) if header else ()
    if not 0 < weight < WHOLE:
        return ()
    cohort, _, value = str(plan.setting("canary.cohort").value).partition("=")
    routes = ((header, TESTER), (cohort, value))
    return tuple(HeaderRoute(name, wanted, state.new) for name, wanted in routes if name)


def _hold_of_the_ramp(turn: Tick) -> Hold | None:
    """With `canary.weights: auto`, the weight goes up only while there is no strong evidence of harm."""
    if turn.state.mode is not Mode.FULL or not switch(turn.plan, "canary.ramp", False):
        return None
    against = [
        v
        for v in turn.seen.verdicts
        if v.evidence >= STRONG_EVIDENCE
        and v.kind is not VerdictKind.FAIL
        and not v.past
        and v.metric not in turn.state.accepted
    ]
    return Hold(HoldCause.HARM_SUSPECTED, f"growing evidence of harm: {sentence_of(against)}") if against else None
