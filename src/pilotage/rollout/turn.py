"""One look at a rollout (`Turn`), and what a strategy has to say at it (`Strategy`).

`machine.decide` makes a `Turn` of what was read back, and asks the plan's strategy what is particular to it. What all
strategies do alike stands in the modules of this folder, a file each in `strategies` has the rest.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from pilotage.model.events import Occurrence
from pilotage.model.flag import Ramp
from pilotage.model.plan import Plan, Step, StepKind
from pilotage.model.progress import Progress
from pilotage.model.rollout import Action, Event, Hold, Pace, RolloutState, Seen, Status
from pilotage.model.text import plain
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
class Turn:
    plan: Plan
    state: RolloutState
    seen: Seen
    strategy: Strategy
    began_at: int
    stale: bool = False
    """Whether the verdicts of this look are of evidence that a person has just thrown away."""
    events: list[Event] = field(default_factory=list)
    answered: list[tuple[int, str]] = field(default_factory=list)

    @property
    def step(self) -> Step:
        return self.plan.steps[self.state.step]

    def tell(self, occurrence: Occurrence) -> None:
        self.events.append(occurrence.record())

    def set(self, **changes: Any) -> None:
        """Change the state. Reasons come from people and from logs: they are clean and bounded from here on."""
        self.state = replace(self.state, **{name: _clean(value) for name, value in changes.items()})

    def enter(self, status: Status, **changes: Any) -> None:
        self.set(status=status, in_status=0.0, **changes)

    def note_out(self, out: bool) -> None:
        """Time to drain runs from the look that saw it, not from the one before, which only asked for it.

        out: no request can reach what is on its way out.
        """
        if not out or not self.state.out:
            self.set(out=out, drained=0.0)


def _clean(value: Any) -> Any:
    if isinstance(value, Hold):
        return replace(value, sentence=plain(value.sentence, LONGEST_REASON))
    return plain(value, LONGEST_REASON) if type(value) is str else value


class Comparison(StrEnum):
    """What a new version is compared with."""

    SIDE_BY_SIDE = "side by side"
    """The stable version, which serves other users at the same time."""
    BEFORE_AFTER = "before and after"
    """What the service did before: nothing runs beside the new version."""
    VARIANTS = "variants"
    """Users of the same version who have its flag off."""


@dataclass(frozen=True, kw_only=True)
class Configured:
    """What a target has, as far as a strategy may require it."""

    checks: frozenset[str]
    """Names with at least one configured check."""
    flag: str = ""
    """Key of its flag; empty where none is configured."""
    ramp: Ramp | None = None
    """Whom the flag reaches now; None where nobody looked."""


class Strategy(Protocol):
    """What is particular to one strategy; all of it pure.

    At every look `machine.decide` asks, in this order: `note`; on the way forward `hold` and `awaits`; on the way back
    `undo`; and at the end `desired`.
    """

    family: str
    """What its settings begin with, such as `canary` in `canary.drain_duration`."""
    progress: Progress
    """What it keeps of its own, as a rollout begins."""
    unwell_setting: str
    """The setting that says how long too few healthy instances of the new version are waited out."""
    stable_unwell_setting: str
    """The same, of the stable version."""
    takes_flag: bool = False
    """Whether it needs the target's flag."""
    more_checks: tuple[str, ...] = ()
    """Checks that it asks for beside those of the plan's steps."""
    diverts: bool = True
    """Whether stable serves the users of a new version while none of its instances is healthy."""
    replaces_alone: bool = False
    """Whether an ill instance is replaced without withdrawing the rest."""
    serves_withdrawn: bool = False
    """Whether some users may have to stay on the new version while its traffic is withdrawn."""

    # ── before it begins ───────────────────────────────────────────────────────────────────────────────────

    def requires(self, _configured: Configured) -> tuple[str, ...]:
        """What the target lacks for this strategy, a sentence each; empty when it may begin."""
        return ()

    def first_step(self, _plan: Plan, _pace: Pace) -> int:
        """Index of the step with which a rollout begins that has no earlier version or goes to a proven one."""
        return 0

    # ── forward ────────────────────────────────────────────────────────────────────────────────────────────

    def note(self, turn: Turn) -> None:
        """Keep the timers that depend on what was seen, before anything is decided."""

    def hold(self, _turn: Turn) -> Hold | None:
        """Its own reason not to go on."""
        return None

    def hold_before_exposing(self, _turn: Turn) -> Hold | None:
        """Its own reason not to bring the release to more users, when the step is done otherwise."""
        return None

    @abstractmethod
    def awaits(self, turn: Turn) -> str:
        """What the step still waits for, in words; empty once its end was read back (rule 1)."""

    @abstractmethod
    def desired(self, plan: Plan, state: RolloutState, seen: Seen) -> tuple[Action, ...]:
        """Everything that should be so now, idempotent, complete, in order: start before shifting, and nothing stops
        that a request may reach (rule 2)."""

    def next_progress(self, turn: Turn) -> Progress:
        """What it keeps of its own when the next step begins."""
        return turn.state.progress

    @abstractmethod
    def exposed(self, plan: Plan, state: RolloutState) -> bool:
        """Whether the rollout has come to where users can reach the new version."""

    def did_its_part(self, _turn: Turn) -> bool:
        """Whether the step did what it is for, its watch apart."""
        return True

    def proven(self, turn: Turn) -> bool:
        """Whether everything that could be seen passed before, so that only harm undoes it: at full exposure."""
        return turn.step.kind in (StepKind.BAKE, StepKind.KEEP) or turn.step.weight == WHOLE

    def overdue(self, turn: Turn) -> bool:
        """Whether the step's end is late. What is watched or approved has a hold with a deadline of its own."""
        waits = (StepKind.ANALYSE, StepKind.BAKE, StepKind.GATE)
        return turn.step.kind not in waits and turn.state.waited >= turn.step.deadline

    # ── what is judged ─────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def comparison(self, state: RolloutState) -> Comparison:
        """What the new version is compared with at this step."""

    def baseline(self, _plan: Plan, _old: str | None) -> str | None:
        """The name of fresh instances of the old version that it is compared with; None where there are none."""
        return None

    # ── the way back ───────────────────────────────────────────────────────────────────────────────────────

    def withdraws(self, _turn: Turn) -> bool:
        """Whether traffic can leave the new version here while its instances stay."""
        return False

    def frees_all(self, _turn: Turn) -> bool:
        """Whether all of the traffic can."""
        return True

    def returned(self, _turn: Turn) -> bool:
        """Whether that was read back: no user has the new version."""
        return False

    def turn_back(self, turn: Turn) -> Progress:
        """What it keeps of its own when the way back begins."""
        return turn.state.progress

    @abstractmethod
    def undo(self, turn: Turn) -> None:
        """One look at the way back."""
