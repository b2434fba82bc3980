"""Slows down whoever guesses passwords or codes, without locking anybody out for long.

Failures are counted for a name from an address, for a name from anywhere, and for an address. Each has some free
attempts; then every failure doubles the wait. A browser that signed in as the person before has a count of its own, so
strangers who fail on purpose do not keep the person out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from pilotage.app.identity.secrets import hash_of
from pilotage.engine.records.failures import Failed
from pilotage.engine.records.store import Store
from pilotage.model.client_address import network_of
from pilotage.model.errors import PilotageError


class TooOften(PilotageError):
    """Too many attempts failed. wait: seconds until the next one counts."""

    exit_status: ClassVar[int] = 8
    http_status: ClassVar[int] = 429

    def __init__(self, wait: int) -> None:
        super().__init__(f"too many attempts failed; try again in {wait} s")
        self.wait = wait


@dataclass(frozen=True, kw_only=True)
class Limit:
    """free: failures without a wait · longest: seconds."""

    free: int
    longest: float

    def wait(self, failed: Failed, now: float) -> float:
        """Seconds, from now; 0 or less for none."""
        over, since = failed.count - self.free, now - failed.last_at
        # Guesses at once look at the clock in another order than they are counted in. A failure that is further ahead
        # was counted by a clock that has gone back since: waiting for it would lock people out.
        if over < 0 or since < -self.longest:
            return -1.0
        return min(self.longest, 2.0 ** min(over, 20)) - max(0.0, since)


BROWSER = Limit(free=10, longest=900)
PAIR = Limit(free=5, longest=900)
NAME = Limit(free=50, longest=30)
"""A short wait only: anybody can fail under a name."""
ADDRESS = Limit(free=100, longest=900)
"""Many people may share one."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What an attempt to sign in counts for: limits by key."""

    limits: Mapping[str, Limit]
    own: tuple[str, ...]
    """Keys that a success clears. The address's stays: else one account would be enough to guess all others'."""


def attempt(what: str, name: str, address: str, browser: str = "") -> Attempt:
    """what: `password` or `code` · browser: an id, where it is known as this person's."""
    name = name.casefold()
    if browser:
        key = hash_of(f"{what} browser {browser} {name}")
        return Attempt(limits={key: BROWSER}, own=(key,))
    network = network_of(address)
    pair, everywhere = hash_of(f"{what} pair {network} {name}"), hash_of(f"{what} name {name}")
    limits = {pair: PAIR, everywhere: NAME, hash_of(f"{what} address {network}"): ADDRESS}
    return Attempt(limits=limits, own=(pair, everywhere))


def begin(store: Store, made: Attempt) -> None:
    """Count it as failed until it succeeds. Raises TooOften; then it is not counted and must not be tried."""
    now = store.clock.now()

    def wait(known: Mapping[str, Failed]) -> float:
        return max((made.limits[key].wait(failed, now) for key, failed in known.items()), default=0.0)

    if (seconds := store.accounts.failures.count(made.limits, now, wait)) > 0:
        raise TooOften(int(seconds) + 1)


def succeed(store: Store, made: Attempt) -> None:
    store.accounts.failures.forget(made.own)
