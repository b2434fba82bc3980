"""A histogram of durations as if every request took longer."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from pilotage.model.observation import Histogram

Array = npt.NDArray[np.float64]


_NARROW, _STEEP = 0.5, 10.0
"""A bucket with more than this share of all requests, or this many times as dense as the bucket below: its requests may
all be close to its upper bound."""


def stretched(histogram: Histogram, factor: float, least: float = 0.0) -> Array:
    """Expected counts when every duration is `factor` ≥ 1 times as long, and at least `least` ≥ 0 seconds longer; the
    last, open bucket keeps what it has."""
    counts = np.asarray(histogram.counts, dtype=float)
    if (factor == 1 and not least) or not histogram.bounds:
        return counts
    widths, evenly, whole = _stretch(histogram.bounds, factor, least)
    bounded = counts[:-1]
    close = _close_to_upper(counts, widths)
    moved: Array = np.where(close, 0.0, bounded) @ evenly + np.where(close, bounded, 0.0) @ whole
    moved[-1] += counts[-1]
    return moved


@lru_cache(maxsize=64)
def _stretch(bounds: tuple[float, ...], factor: float, least: float) -> tuple[Array, Array, Array]:
    """Widths of the buckets on a logarithmic scale, and where their requests go, one row per bucket: evenly spread
    ones, and ones close to the upper bound."""
    uppers = np.asarray(bounds)
    lowers = np.concatenate([[uppers[0] / 2], uppers[:-1]])
    widths = np.log(uppers / lowers)
    # A duration stays at or below a bound when, before the stretch, it was at or below this.
    kept = np.minimum(uppers / factor, uppers - least)
    below = np.log(np.clip(kept, lowers[:, None], uppers[:, None]) / lowers[:, None]) / widths[:, None]
    evenly = np.diff(below, prepend=0.0, append=1.0, axis=1)
    longest = np.maximum(uppers * factor, uppers + least)
    whole = np.zeros((len(bounds), len(bounds) + 1))
    whole[np.arange(len(bounds)), np.searchsorted(uppers, longest * (1 - 1e-9))] = 1.0
    return widths, evenly, whole


def _close_to_upper(counts: Array, widths: Array) -> npt.NDArray[np.bool_]:
    """Buckets whose requests may all be close to the upper bound; widths: on a logarithmic scale."""
    density = counts[:-1] / widths
    # Below the first bucket there is nothing: that it is denser says nothing.
    below = np.concatenate([density[:1], density[:-1]])
    found: npt.NDArray[np.bool_] = density > _STEEP * below
    found |= counts[:-1] > _NARROW * counts.sum()
    return found
