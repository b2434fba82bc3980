"""Histograms as sources write them, in the judge's form: Prometheus' classic and native buckets.

Specification: Prometheus exposition formats (classic: cumulative counts by `le`), and native histograms, where bucket i
of schema s holds what is at most 2^(i · 2^−s) and more than the bound before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pilotage.model.errors import Invalid
from pilotage.model.observation import Histogram

_SCHEMAS = range(-4, 9)


class BadBuckets(Invalid):
    """The histogram's buckets contradict each other. The message says which."""


def classic(cumulative: Mapping[float, float]) -> Histogram:
    """From cumulative counts by upper bound in seconds; infinity is the last one and must be there."""
    bounds = sorted(cumulative)
    if not bounds or not math.isinf(bounds[-1]):
        raise BadBuckets('a classic histogram needs its le="+Inf" bucket')
    counts, before = [], 0.0
    for bound in bounds:
        if cumulative[bound] < before:
            raise BadBuckets(f'the bucket le="{bound:g}" counts {cumulative[bound]:g}, the one before {before:g}')
        counts.append(round(cumulative[bound] - before))
        before = cumulative[bound]
    return Histogram(tuple(bounds[:-1]), tuple(counts))


LOWEST, HIGHEST = -13, 8
"""Powers of two between which durations are told apart: 0.1 ms to 256 s."""


@dataclass(frozen=True)
class Native:
    """A native histogram of durations: counts by index for the schema, `zero` for what is below its threshold."""

    schema: int
    buckets: Mapping[int, float]
    zero: float = 0.0


def native(histogram: Native, schema: int = 2) -> Histogram:
    """Over the same bounds every time, those of `schema` from 0.1 ms to 256 s (its own must be as fine or finer: a
    finer one becomes coarser exactly). What is quicker lies in the first bucket, what is slower in the last."""
    if histogram.schema not in _SCHEMAS or histogram.schema < schema:
        raise BadBuckets(f"schema {histogram.schema} is not one of {schema} … {_SCHEMAS.stop - 1}")
    if min([0.0, histogram.zero, *histogram.buckets.values()]) < 0:
        raise BadBuckets("a bucket counts less than nothing")
    first, last, step = LOWEST << schema, HIGHEST << schema, 1 << (histogram.schema - schema)
    bounds = tuple(2.0 ** (index * 2.0**-schema) for index in range(first, last + 1))
    counts = [0.0] * (len(bounds) + 1)
    counts[0] += histogram.zero
    for index, count in histogram.buckets.items():
        # Index i becomes ⌈i / 2^difference⌉: every bound of the coarser schema is one of the finer.
        counts[min(max(-(-index // step) - first, 0), len(bounds))] += count
    return Histogram(bounds, tuple(round(count) for count in counts))
