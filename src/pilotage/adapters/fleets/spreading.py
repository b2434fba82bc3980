"""Which host a new instance goes to. Instances never move for the sake of balance: hosts that come and go move only the
load that was on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Placed:
    """An instance that is on a host, or about to be started there. number: counts the starts of the service."""

    host: str
    version: str
    number: int


def places_for(version: str, count: int, hosts: Sequence[str], placed: Iterable[Placed]) -> tuple[str, ...]:
    """The hosts of `count` more instances of a version, in the order of their starts.

    hosts: those that can be reached, in the order of the configuration · placed: what counts, of every version.

    Each goes to the host with the fewest instances of this version; of several, to the one with the fewest of all; then
    to the one whose newest instance is the newest, because that one stops first: an update in place replaces an
    instance on its own host.
    """
    mine: Counter[str] = Counter()
    everything: Counter[str] = Counter()
    newest: dict[str, int] = {}
    for one in placed:
        everything[one.host] += 1
        mine[one.host] += one.version == version
        newest[one.host] = max(newest.get(one.host, 0), one.number)
    chosen: list[str] = []
    for _ in range(count if hosts else 0):
        host = min(hosts, key=lambda name: (mine[name], everything[name], -newest.get(name, 0)))
        chosen.append(host)
        mine[host] += 1
        everything[host] += 1
    return tuple(chosen)
