"""One look at a rollout (`Tick`), and the questions that a strategy answers (`Strategy`).

`machine.decide` makes a `Tick` of the observed world, and asks the plan's strategy. What all strategies share is in the
modules of this folder; each file in `strategies` has the rest.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol, Unpack

from pilotage.model.action import Action
from pilotage.model.events import Occurrence
from pilotage.model.flag import Ramp
from pilotage.model.observation import CheckResult, Verdict
from pilotage.model.plan import Plan, Step, StepKind
from pilotage.model.progress import Progress
from pilotage.model.rollout import Changes, Details, Event, Hold, Mode, Observed, RolloutState, Status
from pilotage.model.step_ids import CHECK_RESTORED
from pilotage.model.step_title import title_of
from pilotage.model.text import plain
from pilotage.model.timestamp import timestamp
from pilotage.model.traffic import WHOLE

LONGEST_REASON = 2_000
"""Characters of a reason: it may hold the last lines of a log."""

FORWARD = (Status.PROGRESSING, Status.HOLDING, Status.PAUSED)
UNDER_WAY = (*FORWARD, Status.WITHDRAWN)


def switch(plan: Plan, path: str, default: bool) -> bool:
    """A switch of the plan; `default` for plans made before there was such a switch."""
    try:
        return bool(plan.setting(path).value)
    except KeyError:
        return default


@dataclass
class Tick:
    plan: Plan
    state: RolloutState
    seen: Observed
    strategy: Strategy
    began_at: int
    stale: bool = False
    """Whether the verdicts of this look rest on evidence that a command has just discarded."""
    events: list[Event] = field(default_factory=list)
    answered: list[tuple[int, str]] = field(default_factory=list)
    asked: list[Action] = field(default_factory=list)
    """Checks of this look in addition to the strategy's own."""

    @property
    def step(self) -> Step:
        return self.plan.steps[self.state.step]

    @property
    def title(self) -> str:
        """What the step is called in this rollout."""
        return title_of(self.step, self.state.new, self.state.mode)

    @property
    def harm_started_at(self) -> str:
        """Since when users have met harm, for an event; empty where none is known."""
        return timestamp(self.state.harm_since) if self.state.harm_since else ""

    def tell(self, occurrence: Occurrence) -> None:
        self.events.append(occurrence.record())

    def set(self, **changes: Unpack[Changes]) -> None:
        """Change the state. Reasons come from people and from logs, so they are sanitised and limited here."""
        self.state = self.state.changed({name: _clean(value) for name, value in changes.items()})

    def enter(self, status: Status, **changes: Unpack[Details]) -> None:
        self.set(status=status, in_status=0.0, **changes)

    def note_out(self, out: bool) -> None:
        """Draining starts with the look that confirmed it, not with the previous one, which only requested it.

        out: no request can reach what is draining.
        """
        if not out or not self.state.out:
            self.set(out=out, drained=0.0)


def _clean(value: object) -> object:
    if isinstance(value, Hold):
        return replace(value, sentence=plain(value.sentence, LONGEST_REASON))
    return plain(value, LONGEST_REASON) if type(value) is str else value


class Comparison(StrEnum):
    """What the judge compares a new version with."""

    SIDE_BY_SIDE = "side by side"
    """With the stable version, which serves other users at the same time."""
    BEFORE_AFTER = "before and after"
    """With what the service did before: nothing runs next to the new version."""
    VARIANTS = "variants"
    """Users with the flag on with users of the same version who have it off."""


@dataclass(frozen=True, kw_only=True)
class Configured:
    """What a target offers, as far as a strategy may require it."""

    checks: frozenset[str]
    """Names that have at least one configured check."""
    flag: str = ""
    """Key of the flag; empty where none is configured."""
    ramp: Ramp | None = None
    """Users who have the flag now; None if it was not read."""


class Strategy(Protocol):
    """The questions that only a strategy can answer; all answers are pure.

    At every look `machine.decide` calls, in this order: `note`; on the way forward `hold` and `awaits`; on the way back
    `undo`; and at the end `desired`.
    """

    progress: Progress
    """What the strategy alone remembers, as a rollout starts."""
    unwell_setting: str
    """The setting that limits how long a rollout waits for healthy instances of the new version."""
    stable_unwell_setting: str
    """The setting that limits how long it waits for healthy instances of the stable version."""
    takes_flag: bool = False
    """Whether the strategy needs the target's flag."""
    more_checks: tuple[str, ...] = ()
    """Checks that it runs next to those of the plan's steps."""
    inner_checks: tuple[str, ...] = (CHECK_RESTORED,)
    """Further checks that Pilotage has itself and that nobody configures."""
    diverts: bool = True
    """Whether stable takes over the users of a new version while none of its instances is healthy."""
    restarts_stable: bool = False
    """Whether a rollback has to start instances of the stable version again, because they were stopped on the way."""
    shares_schema: bool = True
    """Whether the version that serves uses the database while the new one starts, so that no migration may take from
    it what it uses."""
    replaces_alone: bool = False
    """Whether a failing instance can be replaced while the other new instances keep their traffic."""
    serves_withdrawn: bool = False
    """Whether some users may stay on the new version after a withdrawal, because stable cannot carry all of them."""

    # ── before it begins ───────────────────────────────────────────────────────────────────────────────────

    def requires(self, _configured: Configured) -> tuple[str, ...]:
        """What the target lacks for this strategy, one sentence each; empty when a rollout may start."""
        return ()

    def first_step(self, _plan: Plan, _mode: Mode) -> int:
        """Index of the step at which a rollout starts that has no earlier version (`Mode.INITIAL`), or goes to a
        version that has proven itself (`Mode.FAST_RETURN`)."""
        return 0

    # ── forward ────────────────────────────────────────────────────────────────────────────────────────────

    def note(self, turn: Tick) -> None:
        """Update the timers that depend on what this look saw, before anything is decided."""

    def hold(self, _turn: Tick) -> Hold | None:
        """The strategy's own reason to wait at this step, or None."""
        return None

    def hold_before_exposing(self, _turn: Tick) -> Hold | None:
        """The strategy's own reason to wait before more users get the release, or None."""
        return None

    @abstractmethod
    def awaits(self, turn: Tick) -> str:
        """What the step still waits for, in words; empty once its end was read back (rule 1)."""

    @abstractmethod
    def desired(self, plan: Plan, state: RolloutState, seen: Observed) -> tuple[Action, ...]:
        """The whole desired state, in order: start before shifting, and stop nothing that a request may reach
        (rule 2). Asking for it twice changes nothing."""

    def failed_check(self, _turn: Tick) -> CheckResult | None:
        """A failed check of those that this step has in addition to its own."""
        return None

    def next_progress(self, turn: Tick) -> Progress:
        """What the strategy remembers when the next step starts."""
        return turn.state.progress

    @abstractmethod
    def exposed(self, plan: Plan, state: RolloutState) -> bool:
        """Whether the rollout has reached the step that brings the first users to the new version."""

    def probed(self, plan: Plan, state: RolloutState) -> bool:
        """Whether probes of the new version count from this step on: from when users can meet its code."""
        return self.exposed(plan, state)

    def attended(self, state: RolloutState, _passed: float) -> Progress:
        """What the strategy remembers after so many seconds."""
        return state.progress

    def overrun(self, _turn: Tick) -> str:
        """Why the rollout must not take any longer, in words; empty where it may."""
        return ""

    def did_its_part(self, _turn: Tick) -> bool:
        """Whether only the step's watch is left."""
        return True

    def proven(self, turn: Tick) -> bool:
        """Whether all users have the release and everything that could be seen passed. Missing data does not undo it
        any more; harm does."""
        return turn.step.kind in (StepKind.BAKE, StepKind.KEEP) or turn.step.weight == WHOLE

    def overdue(self, turn: Tick) -> bool:
        """Whether the step has missed its deadline. Watches and approvals end by the deadline of their hold instead."""
        waits = (StepKind.ANALYSE, StepKind.BAKE, StepKind.GATE)
        return turn.step.kind not in waits and turn.state.waited >= turn.step.timeout

    # ── what is judged ─────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def comparison(self, plan: Plan, state: RolloutState) -> Comparison:
        """What the judge compares the new version with at this step."""

    def verdicts(self, _turn: Tick) -> tuple[Verdict, ...]:
        """The strategy's own verdicts on what was read back; they act like those of the judge."""
        return ()

    def baseline(self, _plan: Plan, _old: str | None) -> str | None:
        """The name of the fresh stable instances to compare with; None if there are none."""
        return None

    # ── the way back ───────────────────────────────────────────────────────────────────────────────────────

    def withdraws(self, _turn: Tick) -> bool:
        """Whether traffic can leave the new version now while its instances keep running."""
        return False

    def frees_all(self, _turn: Tick) -> bool:
        """Whether all of the traffic can leave."""
        return True

    def keeps(self, _turn: Tick) -> int:
        """Per mille of users who keep the version when those that got it last go back; 0 where all go back."""
        return 0

    def withdrawn(self, state: RolloutState, _kept: int) -> Progress:
        """What the strategy remembers when users go back and so many per mille keep the version."""
        return state.progress

    def returned(self, _turn: Tick) -> bool:
        """Whether this look saw that no user has the new version any more, but those who keep it."""
        return False

    def confirmed(self, turn: Tick) -> str:
        """What `returned` saw, in words."""
        return f"the router confirms that no user reaches {turn.state.new}"

    def turn_back(self, turn: Tick) -> Progress:
        """What the strategy remembers when the way back starts."""
        return turn.state.progress

    @abstractmethod
    def undo(self, turn: Tick) -> None:
        """Take one look at the way back: note what was read back, and end it when it is complete or late."""
