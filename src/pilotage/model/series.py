"""Families of series: what Prometheus scrapes and OpenTelemetry receives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TypeAlias

Labels: TypeAlias = tuple[tuple[str, str], ...]
"""Names and values."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """suffix: of the family's name, such as `_bucket`."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""


@dataclass(frozen=True, kw_only=True)
class Family:
    """kind: gauge, counter or histogram · about: one sentence."""

    name: str
    kind: str
    about: str
    samples: tuple[Sample, ...]


@dataclass(frozen=True, kw_only=True)
class Buckets:
    """Durations that were measured. counts: one more than `bounds`, each for itself."""

    bounds: Sequence[float]
    counts: Sequence[int]
    total: float


def histogram(name: str, about: str, found: Mapping[Labels, Buckets]) -> Family:
    """A histogram, by the labels of each series."""
    samples = [sample for labels, one in found.items() for sample in _samples(dict(labels), one)]
    return Family(name=name, kind="histogram", about=about, samples=tuple(samples))


def _samples(labels: Mapping[str, str], one: Buckets) -> Iterator[Sample]:
    counts = list(accumulate(one.counts))
    for bound, count in zip((*(f"{bound:g}" for bound in one.bounds), "+Inf"), counts, strict=True):
        yield Sample(value=count, labels={**labels, "le": bound}, suffix="_bucket")
    yield Sample(value=one.total, labels=labels, suffix="_sum")
    yield Sample(value=counts[-1], labels=labels, suffix="_count")
