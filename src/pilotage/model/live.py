"""What the last look at a rollout saw, and what its judge knew: kept for people and for the next worker.

Neither is needed to act. An unreadable look is shown as none; unreadable evidence is collected again. So both may come
from any version of Pilotage, older or newer.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from pilotage.model.converting import convert
from pilotage.model.json import JsonObject, find

_log = logging.getLogger(__name__)

JUDGE_FORMAT = 1
"""Number of the shape of `JudgeState` and of all that is in it; raised when the judge's sums change."""


@dataclass(frozen=True, kw_only=True)
class SeenVerdict:
    """One metric with its verdict; the fields are those of `model.observation.Verdict`."""

    metric: str
    kind: str
    sentence: str
    canary: str = ""
    stable: str = ""
    samples: int = 0
    detail: tuple[str, ...] = ()
    past: bool = False
    ratio: float | None = None
    interval: tuple[float | None, float | None] | None = None
    """Bounds of the ratio; None is an open end."""
    unit: str = ""
    """What ratio and interval count, such as `users with errors`; empty for the metric itself."""

    @property
    def compares_a_flag(self) -> bool:
        """Whether `canary` are users with the flag and `stable` those without: one version, as its sentence says."""
        return "flag off" in self.sentence


@dataclass(frozen=True, kw_only=True)
class SeenCheck:
    name: str
    status: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class SeenInstance:
    id: str
    version: str
    health: str
    port: int = 0


@dataclass(frozen=True, kw_only=True)
class SeenFlag:
    groups: tuple[str, ...] = ()
    share: int = 0
    """Per mille of users."""


@dataclass(frozen=True, kw_only=True)
class SeenExperiment:
    """What is known of an experiment: the variants `on` and `off` of its flag."""

    winner: str = ""
    """`on`, `off`, or empty while no difference is shown."""
    on_requests: int = 0
    off_requests: int = 0
    difference: float | None = None
    """Of the error rates, on less off, in percentage points."""
    interval: tuple[float, float | None] | None = None
    """Of the same, at 95 % and at any time; None is an open end."""
    sentence: str = ""


@dataclass(frozen=True, kw_only=True)
class LiveView:
    """One look, as `status`, `watch` and the pages show it. Shares are per mille of users."""

    at: float = 0.0
    """Unix seconds."""
    step: str = ""
    """The step's id."""
    title: str = ""
    watched: float = 0.0
    """Time of this step that was analysed."""
    duration: float = 0.0
    """Time that the step requires."""
    wanted: int | None = None
    """Share of the new version as it should be."""
    routed: int | None = None
    """The same as the router says it is."""
    closed: bool = False
    """Users get the maintenance page."""
    flag: SeenFlag | None = None
    observed: int | None = None
    """The same as the last requests were split."""
    requests: Mapping[str, int] = field(default_factory=dict)
    """Requests of each version since the rollout began."""
    verdicts: tuple[SeenVerdict, ...] = ()
    forecast: str = ""
    health: float | None = None
    """0 is certain harm, 1 is healthy."""
    checks: tuple[SeenCheck, ...] = ()
    instances: tuple[SeenInstance, ...] = ()
    trouble: str = ""
    """What could not be read or done."""
    experiment: SeenExperiment | None = None
    """Of a flag with `purpose: experiment`, once both variants have users."""

    def to_dict(self) -> JsonObject:
        """Plain JSON, in the order of the fields: as it is stored, and as `--json` prints it."""
        import msgspec

        plain: JsonObject = msgspec.to_builtins(self)
        return plain


NOTHING_SEEN = LiveView()


def read_live(data: object) -> LiveView:
    """The look in `data`, written by any version: missing parts get their default, unknown ones are ignored.
    `NOTHING_SEEN` if nothing was recorded yet, or if it is unreadable."""
    import msgspec

    if not data:
        return NOTHING_SEEN
    try:
        return convert(data, LiveView)
    except msgspec.ValidationError as error:
        _log.warning("the last recorded observation is unreadable and not shown: %s", error)
        return NOTHING_SEEN


@dataclass(frozen=True, kw_only=True)
class JudgeState:
    """What a rollout's judge carries from one look to the next. The inner sums belong to the judge's own classes."""

    format: int = JUDGE_FORMAT
    subject: str = "code"
    """Whether `code` is judged or a `flag`."""
    sums: JsonObject
    cursor: JsonObject | None = None
    """How far the metrics source was read; kept with the sums it led to, so that nothing counts twice."""
    totals: Mapping[str, int] = field(default_factory=dict)
    rules: JsonObject = field(default_factory=dict)
    signals: JsonObject = field(default_factory=dict)
    probes: JsonObject = field(default_factory=dict)
    counsels: Mapping[str, JsonObject] = field(default_factory=dict)
    """What the judges next to the release's own keep, by their names."""
    tries: int = 0
    history: JsonObject | None = None
    """What earlier rollouts taught, as of this one's start."""

    @property
    def ever(self) -> Mapping[str, int]:
        """Users' requests and errors since the rollout began; empty where nothing was ever compared."""
        found = find(self.sums, "users", "ever")
        return (
            {name: count for name, count in found.items() if isinstance(count, int)}
            if isinstance(found, Mapping)
            else {}
        )

    def at_the_end(self) -> JudgeState:
        """What of it is used after the rollout's end: users' counts, and how bursty their errors came."""
        factor = find(self.sums, "users", "bursts", "factor")
        kept = (
            {"users": {"ever": self.ever, "bursts": {} if factor is None else {"factor": factor}}} if self.ever else {}
        )
        return JudgeState(subject=self.subject, sums=kept, totals=self.totals, tries=self.tries, history=self.history)

    def to_dict(self) -> JsonObject:
        """Plain JSON, as it is stored."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def read_judge(data: object) -> JudgeState | None:
    """What a judge of this version saved; None where nothing was saved, or by a version with other sums."""
    import msgspec

    if not isinstance(data, Mapping):
        return None
    if (number := data.get("format", 0)) not in (0, JUDGE_FORMAT):
        _log.warning("the analysis data has format %r, not %d: the analysis restarts", number, JUDGE_FORMAT)
        return None
    try:
        return convert(data, JudgeState)
    except msgspec.ValidationError as error:
        _log.warning("the analysis data is unreadable, the analysis restarts: %s", error)
        return None
