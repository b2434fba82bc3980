"""Judges whether the new version harms users: pure, streaming, and valid at any time.

The names below are the stable streaming API. Each takes what happened since the last update, and can be asked after
every update: the probability that a harmless version is *ever* called harmful is at most α. `to_dict()` returns plain
JSON, and `restore(saved)` continues from it. Evidence is the natural logarithm of an e-value.

- `CountStream(CountJudge(...))`: rates of bad events, such as errors; `History` is the service's earlier record
- `UserStream`: users with an error, if users stick to their assigned version
- `StrataStream`: rates of bad events, each route compared with itself
- `LatencyJudge`, `StrataLatency`: whole distributions of durations, of all requests or route by route
- `GaugeJudge`: the level and the growth of a figure, such as memory
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pilotage.judge.count_stream import CountStream
    from pilotage.judge.counts import CountJudge
    from pilotage.judge.gauges import GaugeJudge
    from pilotage.judge.latency import LatencyJudge
    from pilotage.judge.strata import StrataStream
    from pilotage.judge.strata_latency import StrataLatency
    from pilotage.judge.sums import History, Sums
    from pilotage.judge.users import UserStream

__all__ = [
    "CountJudge",
    "CountStream",
    "GaugeJudge",
    "History",
    "LatencyJudge",
    "StrataLatency",
    "StrataStream",
    "Sums",
    "UserStream",
]

_HOME = {
    "CountJudge": "counts",
    "CountStream": "count_stream",
    "GaugeJudge": "gauges",
    "History": "sums",
    "LatencyJudge": "latency",
    "StrataLatency": "strata_latency",
    "StrataStream": "strata",
    "Sums": "sums",
    "UserStream": "users",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'pilotage.judge' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"pilotage.judge.{_HOME[name]}"), name)
