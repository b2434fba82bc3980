"""What `risk train` says and prints."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from pilotage.model.output.risk import LevelCheckOutput, TrainedOutput
from pilotage.model.quantity import format_share
from pilotage.model.risk import Horizon
from pilotage.risk.model import RiskModel
from pilotage.risk.recalibration import Check


def trained_lines(model: RiskModel, checks: Sequence[Check], *, taken: bool) -> Iterator[str]:
    """taken: whether later assessments use it."""
    yield model.origin
    if not checks:
        yield "too few changes to tell whether this is better than as shipped"
    for one in checks:
        yield (
            f"{one.own.changes} newest changes, {one.horizon.words}: {_share(one.own.found)} needed a repair; "
            f"as shipped {_share(one.shipped.foretold)} foretold ({_error(one.shipped.error)}, Brier "
            f"{one.shipped.brier:.4f}), with the level of the changes before them {_share(one.own.foretold)} "
            f"({_error(one.own.error)}, Brier {one.own.brier:.4f})"
        )
    if not taken:
        yield "nothing is changed: the shipped level was nearer. To take this one over all the same, add --anyway"


def trained_output(
    model: RiskModel, changes: int, harmful: int, checks: Sequence[Check], *, taken: bool
) -> TrainedOutput:
    return TrainedOutput(
        changes=changes,
        harmful=harmful,
        model=model.origin,
        taken=taken,
        intercepts={str(h.value): round(one, 4) for h, one in zip(Horizon, model.intercepts, strict=True)},
        checks=tuple(map(_check, checks)),
    )


def _check(one: Check) -> LevelCheckOutput:
    return LevelCheckOutput(
        horizon_days=one.horizon.value,
        changes=one.own.changes,
        found=round(one.own.found, 6),
        shipped_foretold=round(one.shipped.foretold, 6),
        foretold=round(one.own.foretold, 6),
        shipped_error=_known(one.shipped.error),
        error=_known(one.own.error),
        shipped_brier=round(one.shipped.brier, 6),
        brier=round(one.own.brier, 6),
    )


def _share(share: float) -> str:
    return format_share(round(share, 3))


def _error(factor: float) -> str:
    return f"off by {factor:.2f}×" if math.isfinite(factor) else "none found"


def _known(factor: float) -> float | None:
    return round(factor, 4) if math.isfinite(factor) else None
