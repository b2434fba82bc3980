"""Feature toggle (R16): deploy the code dark, a quarter of the fleet at a time; then turn the flag on for more users.

The way back turns the flag off and leaves the code, dark. The code goes back, too, where it is the code that fails: a
dark deployment, a probe, or a check of it. Probes watch from the dark deployment on, which gives all users the code.
"""

from __future__ import annotations

from pilotage.model.action import Action, SetFlag
from pilotage.model.events import TrafficRestored
from pilotage.model.flag import NOT_ASKED, OFF, Ramp
from pilotage.model.observation import CheckStatus, VerdictKind
from pilotage.model.plan import Plan, StepKind
from pilotage.model.probe import PROBE
from pilotage.model.progress import ToggleProgress
from pilotage.model.rollout import Hold, HoldCause, Mode, Observed, RolloutState, Status
from pilotage.model.step_ids import CHECK_KILL_SWITCH, DEPLOY_DARK
from pilotage.rollout import shifting, walking
from pilotage.rollout.checking import awaits_approval, awaits_check
from pilotage.rollout.sight import too_few
from pilotage.rollout.turn import FORWARD, UNDER_WAY, Comparison, Configured, Strategy, Tick
from pilotage.rollout.undoing import fail_rollback, fail_without_a_way_back, overdue_back, rolled_back
from pilotage.rollout.walking import Walk
from pilotage.rollout.watching import awaits_watch

_FLAG_OFF = "the flag is off for everyone, confirmed by its provider"


class FeatureToggle(Strategy):
    progress = ToggleProgress()
    restarts_stable = True
    unwell_setting = "feature_toggle.health_check_timeout"
    stable_unwell_setting = "feature_toggle.health_check_timeout"
    takes_flag = True

    # ── begin ──────────────────────────────────────────────────────────────────────────────────────────────

    def requires(self, configured: Configured) -> tuple[str, ...]:
        """A flag that is off for everyone: turning off another release's flag would take something from its users."""
        if not configured.flag:
            return ("a feature toggle needs a flag, such as flag: {file: flags.json, key: new-checkout}",)
        if configured.ramp in (None, OFF):
            return ()
        share = configured.ramp.share / 10
        return (
            f"flag {configured.flag} is already on for {share:g} % of users. A rollout starts with its flag off: use a "
            "new flag. (`pilotage flag kill` would turn the feature off for all of them.)",
        )

    # ── deploy dark, check the kill switch, ramp up, watch ─────────────────────────────────────────────────

    def awaits(self, turn: Tick) -> str:
        match turn.step.kind:
            case StepKind.SCALE:
                return _awaits_dark_deployment(turn)
            case StepKind.CHECK:
                return awaits_check(turn)
            case StepKind.GATE:
                return awaits_approval(turn)
            case StepKind.FLAG_RAMP:
                return _awaits_ramp(turn)
            case StepKind.ANALYSE | StepKind.BAKE:
                return awaits_watch(turn)
            case kind:
                raise ValueError(f"a feature toggle has no step of kind {kind}")

    def desired(self, plan: Plan, state: RolloutState, seen: Observed) -> tuple[Action, ...]:
        """The flag on for the step's users, and the code on as many instances as the walk has reached."""
        walk = _walk(plan, state)
        if state.status is Status.WITHDRAWN and _goes_out_dark(plan, state):
            return (SetFlag(OFF), *walking.withheld(walk, state, seen))
        code = walking.desired(walk, state, seen)
        if state.status in (Status.COMPLETED, Status.ROLLED_BACK):
            # It was read back. From here on, people may turn it off at any time.
            return code
        return (SetFlag(_ramp(plan, state)), *code)

    def note(self, turn: Tick) -> None:
        """Leaving instances drain from when they get no new request; the next part follows one that has arrived."""
        walk = _walk(turn.plan, turn.state)
        turn.note_out(walking.drained(walk, turn.state, turn.seen))
        forward = turn.state.status in FORWARD and turn.step.id == DEPLOY_DARK
        if forward and walking.arrived(walk, turn.state, turn.seen):
            parts = min(_own(turn.state).parts + 1, _parts(turn.plan))
            turn.set(progress=ToggleProgress(parts=parts), out=False, drained=0.0)

    def hold(self, turn: Tick) -> Hold | None:
        """The flag cannot be read or set, or too few instances of the new version are healthy."""
        if turn.seen.flag is None:
            return Hold(HoldCause.FLAGS_UNREACHABLE, turn.seen.trouble or "the flag provider does not respond")
        if (refused := _refused(turn)) is not None:
            return refused
        wanted, state = _walk(turn.plan, turn.state).before[0], turn.state
        if said := too_few(turn.seen, state.new, wanted, named=True):
            return Hold(HoldCause.CANARY_UNHEALTHY, said)
        return None

    def exposed(self, plan: Plan, state: RolloutState) -> bool:
        """From the first group that gets the flag."""
        return any(step.kind is StepKind.FLAG_RAMP for step in plan.steps[: state.step + 1])

    def probed(self, plan: Plan, state: RolloutState) -> bool:
        """From the dark deployment on: with the flag off, users have the code all the same."""
        return state.step >= _dark_step(plan)

    def comparison(self, plan: Plan, state: RolloutState) -> Comparison:
        """Two versions of the code while it goes out dark; after that, flag-on with flag-off."""
        return Comparison.SIDE_BY_SIDE if _goes_out_dark(plan, state) else Comparison.VARIANTS

    # ── the way back ───────────────────────────────────────────────────────────────────────────────────────

    def withdraws(self, turn: Tick) -> bool:
        """The flag can always go off; the code can only give way to instances of an old version."""
        return not _goes_out_dark(turn.plan, turn.state) or shifting.has_stable(turn.state)

    def returned(self, turn: Tick) -> bool:
        return shifting.no_user_has_it(turn) if _goes_out_dark(turn.plan, turn.state) else turn.seen.flag == OFF

    def confirmed(self, turn: Tick) -> str:
        return super().confirmed(turn) if _goes_out_dark(turn.plan, turn.state) else _FLAG_OFF

    def turn_back(self, turn: Tick) -> ToggleProgress:
        """Count the parts that never started as rolled back."""
        last, dark = _parts(turn.plan), _goes_out_dark(turn.plan, turn.state)
        code = not dark and turn.state.old is not None and _code_fails(turn)
        return ToggleProgress(undone=last - min(_own(turn.state).parts + 1, last), code=code)

    def undo(self, turn: Tick) -> None:
        """Turn the flag off, which ends it; a failed dark deployment replaces its instances again, too."""
        state, off = turn.state, turn.seen.flag == OFF
        if off and not state.returned:
            turn.set(returned=True)
            turn.tell(TrafficRestored(outcome=_FLAG_OFF))
        if _code_goes_back(turn.plan, state) and state.old is not None:
            _take_back_the_code(turn)
        elif off and state.old is None and _goes_out_dark(turn.plan, state):
            fail_without_a_way_back(turn)  # the first version of all, and not all of it is deployed
        elif off:
            outcome = f"the flag is off for everyone; {state.new} stays deployed with its flag off"
            rolled_back(turn, outcome, progress=ToggleProgress(dark=True))
        elif overdue_back(turn):
            fail_rollback(turn, "the flag may still be on for users")


def _own(state: RolloutState) -> ToggleProgress:
    assert isinstance(state.progress, ToggleProgress)
    return state.progress


# ── the dark deployment ────────────────────────────────────────────────────────────────────────────────────


def _dark_step(plan: Plan) -> int:
    """Index of the dark deployment; only a check of the schema and an approval can stand before it."""
    return next(index for index, step in enumerate(plan.steps) if step.id == DEPLOY_DARK)


def _goes_out_dark(plan: Plan, state: RolloutState) -> bool:
    """Whether the dark deployment is to come or under way, or was when the way back began."""
    return state.step <= _dark_step(plan)


def _code_fails(turn: Tick) -> bool:
    """Whether a probe or a check failed, neither of which has the flag."""
    checked = turn.step.kind is StepKind.CHECK and turn.step.id != CHECK_KILL_SWITCH
    result = turn.seen.check(turn.step.id, turn.state.attempt)
    if checked and result is not None and result.status is CheckStatus.FAILED:
        return True
    return any(v.kind is VerdictKind.FAIL and v.metric.startswith(PROBE) for v in turn.seen.verdicts)


def _code_goes_back(plan: Plan, state: RolloutState) -> bool:
    """Whether the way back redeploys the earlier version."""
    return _goes_out_dark(plan, state) or _own(state).code


def _part(plan: Plan) -> int:
    """How many instances are replaced at a time: a quarter of the fleet."""
    return max(1, plan.instances // 4)


def _parts(plan: Plan) -> int:
    """In how many parts the code goes out."""
    return -(-plan.instances // _part(plan))


def _count(plan: Plan, parts: int) -> int:
    """New instances after this many parts of the dark deployment."""
    return min(plan.instances, parts * _part(plan))


def _walk(plan: Plan, state: RolloutState) -> Walk:
    full, last = plan.instances, _parts(plan)
    if not _code_goes_back(plan, state) or state.status is Status.COMPLETED:
        before = after = full
    elif state.step < _dark_step(plan):
        before = after = 0
    elif state.status in UNDER_WAY:
        part = min(_own(state).parts, last)
        before, after = _count(plan, part), _count(plan, min(part + 1, last))
    else:
        now = max(0, last - _own(state).undone)
        before, after = _count(plan, now), _count(plan, max(0, now - 1))
    drain = plan.number("feature_toggle.drain_duration")
    return Walk((before, full - before), (after, full - after), full == 1, drain, full - _part(plan))


def _awaits_dark_deployment(turn: Tick) -> str:
    """The code runs on all instances, and nobody has the flag."""
    done = _own(turn.state).parts >= _parts(turn.plan) and turn.seen.flag == OFF
    return "" if done else walking.where(turn.state, turn.seen)


def _take_back_the_code(turn: Tick) -> None:
    state, walk = turn.state, _walk(turn.plan, turn.state)
    if walking.arrived(walk, state, turn.seen):
        if walk.after[0] == 0 and turn.seen.flag == OFF:
            rolled_back(turn, f"every instance runs {state.old} again and is healthy")
        else:
            turn.set(
                progress=ToggleProgress(undone=_own(state).undone + 1, code=_own(state).code), out=False, drained=0.0
            )
    elif state.in_status >= turn.plan.number("feature_toggle.health_check_timeout"):
        fail_rollback(turn, walking.where(state, turn.seen))


# ── the ramp ───────────────────────────────────────────────────────────────────────────────────────────────


def _ramp(plan: Plan, state: RolloutState) -> Ramp:
    """Users who get the flag at this step; nobody during a return to an older version."""
    if state.status not in (*FORWARD, Status.COMPLETED) or state.mode is Mode.FAST_RETURN:
        return OFF
    begun = [step for step in plan.steps[: state.step + 1] if step.kind is StepKind.FLAG_RAMP]
    groups = tuple(step.audience.split()[0] for step in begun if step.audience)
    return Ramp(groups, max((step.weight for step in begun), default=0))


def _awaits_ramp(turn: Tick) -> str:
    flag = turn.seen.flag
    if flag == _ramp(turn.plan, turn.state):
        return ""
    return (
        f"the flag is on for {', '.join(flag.groups) or 'no group'} and {flag.share / 10:g} % of users"
        if flag
        else "no flag"
    )


def _refused(turn: Tick) -> Hold | None:
    """The provider has not taken the step's ramp, as it said itself. After a restart nobody has asked it yet, and what
    the rollout waits for stays what it was."""
    refusal = turn.seen.refusal
    if refusal is None or turn.seen.flag == _ramp(turn.plan, turn.state):
        return None
    if refusal == NOT_ASKED:
        before = turn.state.hold
        return before if before is not None and before.cause is HoldCause.PROVIDER_APPROVAL else None
    if refusal.approval:
        return Hold(HoldCause.PROVIDER_APPROVAL, f"waiting for approval at the flag's provider: {refusal.sentence}")
    return Hold(HoldCause.FLAGS_UNREACHABLE, f"the flag's provider did not take the change: {refusal.sentence}")
