"""Evidence that there are more events than expected: mixtures of Poisson likelihood ratios."""

from __future__ import annotations

import math

import numpy as np

from pilotage.judge.likelihood import (
    LOG_SPAN,
    SPAN,
    SPAN_LESS_ONE,
    Array,
)


def poisson_ratios(bad: float, expected: float) -> Array:
    """Logarithms of Poisson likelihood ratios for ρ times `expected` events, at every ρ of the grid."""
    ratios: Array = SPAN_LESS_ONE * -expected
    if bad:
        ratios += LOG_SPAN * bad
    return ratios


def poisson_evidence(bad: float, expected: float) -> float:
    """Natural logarithm of the mixture of Poisson likelihood ratios for more than `expected` events."""
    values = poisson_ratios(bad, expected)
    top = float(values.max())
    return top + math.log(float(np.exp(values - top).sum()) / len(SPAN))


def above(bad: float, expected: float) -> float:
    """The same if only strong evidence matters: a count no larger than expected is none, and is not computed."""
    return poisson_evidence(bad, expected) if bad > expected else -math.inf
