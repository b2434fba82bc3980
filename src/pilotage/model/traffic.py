"""What a router splits: weights, tester routes, mirroring; and the one place of the arithmetic of splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

WHOLE = 1000
"""All traffic, in per mille; weights are integers so that no rounding can lose a request."""


def percent(weight: int) -> int | float:
    """A weight as people and programs read it, whole numbers without a fraction."""
    whole, rest = divmod(weight * 100, WHOLE)
    return weight * 100 / WHOLE if rest else whole


TESTER, PREVIEW = "canary", "preview"
"""Values of a tester's header: for a canary, or for a preview that no user has yet."""


_BASELINE = "~baseline"


def baseline_of(version: str) -> str:
    """The name of `version`'s fresh instances next to a canary, for router, fleet and metrics to tell apart."""
    return version + _BASELINE


def artifact_of(name: str) -> str:
    """The version behind a name in router or fleet."""
    return name.removesuffix(_BASELINE)


@dataclass(frozen=True)
class HeaderRoute:
    """Requests with this header go to `version` whatever the weights say; for testers."""

    header: str
    value: str
    version: str


@dataclass(frozen=True)
class Mirror:
    """A share of requests (per mille) is copied to `version`; the copy's answer is thrown away."""

    version: str
    share: int


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """The users who get `version`: those whose requests have one of `members` in `header`. Everybody else gets the
    split's other versions, whatever cookie they have.

    digest: of the members (`model.wave.digest_of`), by which two cohorts are compared: a router that cannot list its
    members reports it · size: how many there are.
    """

    header: str
    version: str
    digest: str
    size: int
    members: tuple[str, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, eq=False)
class Split:
    """Share of requests per version, in per mille, summing to 1000; versions with 0 are left out. Two splits are equal
    in whichever order they name the versions: a router lists them in its own.

    closed: users get the maintenance page instead; only the header routes still lead to a version · cohort: who gets
    the version that it names; that version's weight is then the share that its members are expected to be, and the
    others share what is left in proportion to their weights.
    """

    weights: tuple[tuple[str, int], ...]
    header_routes: tuple[HeaderRoute, ...] = ()
    mirror: Mirror | None = None
    closed: bool = False
    cohort: Cohort | None = None

    def __post_init__(self) -> None:
        if sum(weight for _, weight in self.weights) != WHOLE:
            raise ValueError(f"weights {dict(self.weights)} do not sum to {WHOLE}")
        if any(weight <= 0 for _, weight in self.weights):
            raise ValueError(f"weights {dict(self.weights)}: include only versions with traffic")
        if self.cohort and not 0 < self.weight(self.cohort.version) < WHOLE:
            raise ValueError(f"a cohort of {self.cohort.version}, which has {self.weight(self.cohort.version)} ‰")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Split):
            return NotImplemented
        return self._compared == other._compared

    def __hash__(self) -> int:
        return hash(self._compared)

    @property
    def _compared(self) -> tuple[object, ...]:
        return frozenset(self.weights), self.header_routes, self.mirror, self.closed, self.cohort

    def weight(self, version: str) -> int:
        return dict(self.weights).get(version, 0)

    def reaches(self, version: str) -> bool:
        """Whether any request, weighted, tester's or mirrored, can reach `version`."""
        return (
            (self.weight(version) > 0 and not self.closed)
            or any(route.version == version for route in self.header_routes)
            or (self.mirror is not None and self.mirror.version == version and self.mirror.share > 0)
        )


def split_between(new: str, weight: int, old: str | None, header_routes: tuple[HeaderRoute, ...] = ()) -> Split:
    """`weight` per mille to `new`, the rest to `old`; all to `new` when there is no `old`."""
    shares: Mapping[str, int] = {new: WHOLE} if old is None else {new: weight, old: WHOLE - weight}
    return Split(tuple((version, share) for version, share in shares.items() if share > 0), header_routes)


def at_grain(split: Split, grain: int) -> Split:
    """The split as a router sets it that knows only multiples of `grain` (per mille). The first version's weight is
    rounded up, so that on a way back the second one gets no more than it can carry. More than two versions stay, and
    so do the shares of a cohort, by which nothing is split."""
    if grain == 1 or len(split.weights) != 2 or split.cohort:
        return split
    (new, weight), (old, _) = split.weights
    weight = min(WHOLE, -(-weight // grain) * grain)
    whole = split_between(new, weight, old)
    return replace(split, weights=whole.weights)


def share_of(new: int, old: int) -> int:
    """The weight per mille at which `new` and `old` instances get equally much each."""
    return WHOLE * new // (new + old) if new + old else 0


def instances_for(weight: int, full: int) -> int:
    """How many of `full` instances carry `weight` per mille: rounded up, so that none is overloaded."""
    return -(-weight * full // WHOLE)


def capacity(healthy: int, full: int) -> int:
    """The largest weight (per mille) that `healthy` of `full` instances can carry."""
    return min(WHOLE, WHOLE * healthy // full)
