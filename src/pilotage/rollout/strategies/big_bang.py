"""Big-bang (R15): close the service, replace everything at once, verify behind the maintenance page, open.

Where Pilotage makes the backups itself, it makes one more while the service is closed and no version runs, so that a
restore loses nothing that users wrote until then. It is made once: a later one could hold what the new version made of
the data.

The rollback closes the service again, stops the new version, runs the check `restore`, starts the old version, and
opens once all of its instances are healthy.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from pilotage.model.action import Action, Apply, Check, Ensure
from pilotage.model.events import RollbackStepCompleted
from pilotage.model.observation import CheckResult, CheckStatus
from pilotage.model.plan import Plan, StepKind
from pilotage.model.progress import BigBangProgress, WayBack
from pilotage.model.rollout import Mode, Observed, RolloutState, Status
from pilotage.model.step_ids import CHECK_BACKUP, CHECK_RESTORED, CLOSE, FINAL_BACKUP, OPEN, REPLACE, RESTORE
from pilotage.model.traffic import WHOLE, Split
from pilotage.model.wording import some_of
from pilotage.rollout.checking import awaits_approval, awaits_check
from pilotage.rollout.maintenance import closed_for, is_shut, open_for, over_window, what_router_shows
from pilotage.rollout.sight import check_status, healthy, present, too_few
from pilotage.rollout.turn import FORWARD, Comparison, Configured, Strategy, Tick
from pilotage.rollout.undoing import fail_rollback, fail_without_a_way_back, overdue_back, rolled_back
from pilotage.rollout.watching import awaits_watch


class BigBang(Strategy):
    progress = BigBangProgress()
    restarts_stable = True
    shares_schema = False
    unwell_setting = "big_bang.check_timeout"
    stable_unwell_setting = "big_bang.check_timeout"
    more_checks = (FINAL_BACKUP, RESTORE)
    inner_checks = (FINAL_BACKUP, CHECK_RESTORED)
    diverts = False

    # ── begin ──────────────────────────────────────────────────────────────────────────────────────────────

    def requires(self, configured: Configured) -> tuple[str, ...]:
        if {CHECK_BACKUP, RESTORE} <= configured.checks:
            return ()
        return (
            "big-bang needs backups that can be restored: "
            "backup: {database: secret://env/DATABASE_URL, scratch: secret://env/SCRATCH_URL}, or your own commands: "
            f"checks: {{{CHECK_BACKUP}: [{{command: [./backup.sh]}}], {RESTORE}: [{{command: [./restore.sh]}}]}}",
        )

    def first_step(self, plan: Plan, mode: Mode) -> int:
        """Without an old version there is nothing to back up and no user to shut out."""
        return _index(plan, REPLACE) if mode is Mode.INITIAL else 0

    # ── check, close, replace, verify, open, watch ─────────────────────────────────────────────────────────

    def awaits(self, turn: Tick) -> str:
        match turn.step.kind:
            case StepKind.CHECK:
                return awaits_check(turn)
            case StepKind.GATE:
                return awaits_approval(turn)
            case StepKind.MAINTENANCE if turn.step.id == CLOSE:
                return _awaits_close(turn)
            case StepKind.REPLACE:
                return _awaits_replacement(turn)
            case StepKind.MAINTENANCE:
                return _awaits_opening(turn)
            case StepKind.BAKE:
                return awaits_watch(turn)
            case kind:
                raise ValueError(f"big-bang has no step of kind {kind}")

    def desired(self, plan: Plan, state: RolloutState, seen: Observed) -> tuple[Action, ...]:
        if seen.instances is None:
            # Without a view of the fleet, nothing is stopped, closed or opened: neither a backup nor a restore.
            return _under_way(plan, state, seen)
        if state.status in FORWARD:
            return _forward(plan, state, seen)
        if state.status is Status.COMPLETED:
            gone = () if state.old is None else (Ensure(state.old, 0),)
            return (*gone, Ensure(state.new, plan.instances), Apply(open_for(state.new)))
        return _backward(plan, state, seen)

    def failed_check(self, turn: Tick) -> CheckResult | None:
        found = turn.seen.check(FINAL_BACKUP, _ONCE) if turn.step.id == REPLACE else None
        return found if found and found.status is CheckStatus.FAILED else None

    def note(self, turn: Tick) -> None:
        """Instances drain from the look that saw the maintenance page in front of them, and the window runs from it."""
        if turn.seen.split is not None and _own(turn.state).shut != is_shut(turn.seen):
            turn.set(progress=replace(_own(turn.state), shut=is_shut(turn.seen)))
        closing = turn.state.status in FORWARD and turn.step.id in (CLOSE, REPLACE)
        if closing or turn.state.status is Status.ROLLING_BACK:
            turn.note_out(is_shut(turn.seen))

    def attended(self, state: RolloutState, passed: float) -> BigBangProgress:
        own = _own(state)
        return replace(own, closed=own.closed + passed) if own.shut else own

    def overrun(self, turn: Tick) -> str:
        own = _own(turn.state)
        return over_window(turn, own.closed) if own.shut and turn.state.old is not None else ""

    def exposed(self, plan: Plan, state: RolloutState) -> bool:
        """From the opening on."""
        return state.step >= _index(plan, OPEN)

    def comparison(self, _plan: Plan, _state: RolloutState) -> Comparison:
        return Comparison.BEFORE_AFTER

    # ── the way back ───────────────────────────────────────────────────────────────────────────────────────

    def turn_back(self, turn: Tick) -> BigBangProgress:
        return replace(_own(turn.state), came_to=WayBack.BEGUN)

    def undo(self, turn: Tick) -> None:
        """Close, stop, restore, start, open: each part starts once the one before it was read back."""
        state = turn.state
        if state.old is None:
            fail_without_a_way_back(turn)
        elif not _may_be_replaced(turn.plan, state):
            _open_again(turn, state.old)
        elif _came_to(state) is WayBack.STOPPED and (failed := _failed_restore(turn)) is not None:
            fail_rollback(turn, f"the restore failed and the service stays closed: {failed.detail}")
        else:
            _next_part(turn, state.old)


_ONCE = 1
"""The attempt of the final backup: a retried step makes no second one."""


def _index(plan: Plan, identity: str) -> int:
    return next(index for index, step in enumerate(plan.steps) if step.id == identity)


def _may_be_replaced(plan: Plan, state: RolloutState) -> bool:
    """Whether the old version may have been stopped."""
    return state.step >= _index(plan, REPLACE)


def _own(state: RolloutState) -> BigBangProgress:
    assert isinstance(state.progress, BigBangProgress)
    return state.progress


def _is_closed(plan: Plan, state: RolloutState) -> bool:
    """Whether users see the maintenance page at this step. A first deployment closes nothing, and opens at the end."""
    closes = 0 if plan.first else _index(plan, CLOSE)
    return closes <= state.step < _index(plan, OPEN)


def _under_way(plan: Plan, state: RolloutState, seen: Observed) -> tuple[Action, ...]:
    """The check that runs in addition to the step's own, if there is one."""
    if state.old is None:
        return ()
    if state.status is Status.ROLLING_BACK and _came_to(state) is WayBack.STOPPED:
        return (Check(RESTORE, state.attempt, state.old),)
    replacing = state.status in FORWARD and state.step == _index(plan, REPLACE)
    running = check_status(seen, FINAL_BACKUP, _ONCE) is CheckStatus.RUNNING
    return (Check(FINAL_BACKUP, _ONCE, state.new),) if replacing and running else ()


# ── close, replace, open ───────────────────────────────────────────────────────────────────────────────────


def _forward(plan: Plan, state: RolloutState, seen: Observed) -> tuple[Action, ...]:
    full, closed = plan.instances, _is_closed(plan, state)
    if state.old is None:
        ready = healthy(seen, state.new) >= full
        start: tuple[Action, ...] = (Ensure(state.new, full),)
        return (*start, Apply(Split(((state.new, WHOLE),), closed=closed))) if ready else start
    if not _may_be_replaced(plan, state):
        return (
            Ensure(state.old, full),
            Ensure(state.new, 0),
            Apply(closed_for(state.old) if closed else open_for(state.old)),
        )
    if not closed:
        return (Ensure(state.old, 0), Ensure(state.new, full), Apply(open_for(state.new)))
    return _replacing(plan, state, state.old, seen)


def _replacing(plan: Plan, state: RolloutState, old: str, seen: Observed) -> tuple[Action, ...]:
    """Behind the page: the old version drains and stops; the new one starts only when the old one is gone and the
    final backup is made."""
    if not present(seen, old):
        if check_status(seen, FINAL_BACKUP, _ONCE) is not CheckStatus.PASSED:
            final = Check(FINAL_BACKUP, _ONCE, state.new)
            return (Ensure(old, 0), Ensure(state.new, 0), final, Apply(closed_for(old)))
        return (Ensure(old, 0), Ensure(state.new, plan.instances), Apply(closed_for(state.new)))
    stops = is_shut(seen) and state.drained >= plan.number("big_bang.drain_duration")
    return (Ensure(old, 0 if stops else plan.instances), Ensure(state.new, 0), Apply(closed_for(old)))


def _awaits_close(turn: Tick) -> str:
    return "" if is_shut(turn.seen) or turn.state.old is None else what_router_shows(turn)


def _awaits_replacement(turn: Tick) -> str:
    seen, state, wanted = turn.seen, turn.state, turn.step.instances
    old_gone = state.old is None or not present(seen, state.old)
    if state.old is not None and old_gone and check_status(seen, FINAL_BACKUP, _ONCE) is not CheckStatus.PASSED:
        return "the data is being backed up"
    lacks = too_few(seen, state.new, wanted)
    return lacks or ("" if old_gone else f"{some_of(healthy(seen, state.new), wanted, 'instance')} healthy")


def _awaits_opening(turn: Tick) -> str:
    return "" if turn.seen.split == open_for(turn.state.new) else what_router_shows(turn)


# ── the way back: close, stop, restore, start, open ────────────────────────────────────────────────────────

_SENTENCES: Mapping[WayBack, str] = {
    WayBack.CLOSED: "the router confirms that the service is closed",
    WayBack.STOPPED: "the new version has stopped",
    WayBack.RESTORED: "the backup is restored",
    WayBack.STARTED: "every instance of the old version is healthy",
    WayBack.OPEN: "the service is open again",
}


def _came_to(state: RolloutState) -> WayBack:
    return _own(state).came_to


def _backward(plan: Plan, state: RolloutState, seen: Observed) -> tuple[Action, ...]:
    full, came_to = plan.instances, _came_to(state)
    if state.old is None:
        return (Ensure(state.new, full),)
    if not _may_be_replaced(plan, state):
        return (Ensure(state.old, full), Ensure(state.new, 0), Apply(open_for(state.old)))
    opens = state.status is Status.ROLLED_BACK or came_to >= WayBack.STARTED
    stops = came_to >= WayBack.CLOSED and (is_shut(seen) or opens)
    starts = came_to >= WayBack.RESTORED
    # A version that does not run is not started to be stopped: it would change the data once more.
    kept = 0 if stops or not present(seen, state.new) else full
    actions: list[Action] = [Ensure(state.new, kept), Ensure(state.old, full if starts else 0)]
    if came_to is WayBack.STOPPED:
        actions.append(Check(RESTORE, state.attempt, state.old))
    serving = state.old if starts else state.new
    actions.append(Apply(open_for(serving) if opens else closed_for(serving)))
    return tuple(actions)


def _next_part(turn: Tick, old: str) -> None:
    if _came_to(turn.state) is WayBack.OPEN:
        rolled_back(turn, f"{old} is restored and serves all requests")
        return
    part = WayBack(_came_to(turn.state) + 1)
    if _is_so(turn, part, old):
        turn.tell(RollbackStepCompleted(number=int(part), title=_SENTENCES[part]))
        turn.set(progress=replace(_own(turn.state), came_to=part))
        if part is WayBack.OPEN:
            rolled_back(turn, f"{old} is restored and serves all requests")
            return
        part = WayBack(part + 1)
    if overdue_back(turn):
        fail_rollback(turn, f"not confirmed: {_SENTENCES[part]}")


def _is_so(turn: Tick, part: WayBack, old: str) -> bool:
    """Whether a part of the way back was read back."""
    state, seen = turn.state, turn.seen
    match part:
        case WayBack.CLOSED:
            return is_shut(seen) and state.drained >= turn.plan.number("big_bang.drain_duration")
        case WayBack.STOPPED:
            return not present(seen, state.new)
        case WayBack.RESTORED:
            return check_status(seen, RESTORE, state.attempt) is CheckStatus.PASSED
        case WayBack.STARTED:
            return healthy(seen, old) >= turn.plan.instances
        case WayBack.OPEN:
            return seen.split == open_for(old)
        case WayBack.BEGUN:
            return True


def _failed_restore(turn: Tick) -> CheckResult | None:
    """The restore's result if it failed."""
    if check_status(turn.seen, RESTORE, turn.state.attempt) is not CheckStatus.FAILED:
        return None
    return turn.seen.check(RESTORE, turn.state.attempt)


def _open_again(turn: Tick, old: str) -> None:
    """Nothing was replaced yet, so only the maintenance page goes."""
    if turn.seen.split == open_for(old) and not present(turn.seen, turn.state.new):
        rolled_back(turn, f"nothing was replaced; {old} serves all requests")
    elif overdue_back(turn):
        fail_rollback(turn, "the service is still closed")
