"""Compares how many *users* meet an error on two versions, where users stick to the version they were assigned.

A user who retries fails many times, and all of it on one version: such errors are no independent events, users are.
The router gives a user to the canary with probability W, odds r = W / (1 − W), by a hash of the cookie. If the version
does not matter, which users meet an error is fixed, and each of them is the canary's with that probability,
independently: the likelihood ratio of `counts` with r for the ratio of exposures is then exact (a randomisation test).

Two statistics, averaged. **Once** counts a user at the first error ever: exact, but where the same few users are prone
to errors all of them have soon been seen. **Windows** count a user at the first error in each aligned window of five
minutes; users come back, so each look is divided by the dispersion of stable's users with errors, as counts are.
Windows have no proof: a user who is prone to errors is one coin, tossed once, and counts again in each window. So they
get a hundredth of the capital, which costs a tenth of the time where only they can find the harm.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence

import numpy as np

from pilotage.judge.dispersion import Dispersion
from pilotage.judge.likelihood import LATE, SPAN, Capital, Likelihood, average, gains, late_share, weighted
from pilotage.model.json import JsonObject, each, entries, number_at, object_at, optional, text_at, truth_at, whole_at
from pilotage.model.observation import REST

MOST_USERS = 200_000
"""Users that are remembered; 1.6 MB as saved."""

OFTEN = 0.01
"""Share of the capital for users who count again in each window; the rest is for the statistic that is exact."""

_HASH = 2**64 - 1
_ALL = ""
"""The name under which users are counted on all routes together."""


class UserStream:
    """Streaming: `update` each look with who met an error; `evidence` whenever wanted.

    tolerated_ratio: θ0 ≥ 1, as of `CountJudge` · alpha: of the interval · window: seconds · routes: named before the
    first look; half of the evidence is the mean over them, and `rest`, of what each says by itself.
    """

    def __init__(
        self,
        tolerated_ratio: float = 1.25,
        alpha: float = 0.001,
        window: float = 300.0,
        routes: Sequence[str] = (),
    ) -> None:
        if not (tolerated_ratio >= 1 and 0 < alpha < 1 and window > 0):
            raise ValueError("tolerated_ratio ≥ 1, 0 < alpha < 1 and a window above 0 s are needed")
        self._ratio, self._alpha, self._window = tolerated_ratio, alpha, window
        names = tuple(dict.fromkeys((*routes, REST)))
        self._all, self._routes = _Bets(), {name: _Bets() for name in names}
        self._likelihood = Likelihood(tolerated_ratio)
        self._unused = np.zeros(len(SPAN))
        self._dispersion = Dispersion()
        self._looks = 0
        self._seen: tuple[set[int], set[int]] = (set(), set())
        self._open: dict[str, set[int]] = {}
        self._opened: int | None = None
        self.full = False
        """Whether more users met errors than are remembered: the first statistic then counts no more of them."""

    def update(
        self, *, at: float, odds: float, canary: Iterable[tuple[int, str]], stable: Iterable[tuple[int, str]]
    ) -> None:
        """Take in the failed requests since the last look.

        at: Unix seconds · odds: of a user's assignment to the canary, W / (1 − W); 1 next to a baseline; 0 or infinite
        where there was no control, and then nothing is compared · canary, stable: 64-bit hash of the user, and route.
        """
        if not odds >= 0:
            raise ValueError(f"odds must be at least 0, not {odds}")
        self._looks += 1
        for bets in self._every():
            bets.begin(late_share(self._looks))
        self._turn(at)
        ours, theirs = self._by_route(canary), self._by_route(stable)
        once, often = self._new(ours, theirs)
        self._remember(ours[_ALL], theirs[_ALL])
        if not 0 < odds < math.inf:
            return
        dispersion = self._dispersion.factor
        weight = 1 / (1 + 2 * (dispersion - 1) * odds / (1 + odds))
        for name, bets in ((_ALL, self._all), *self._routes.items()):
            bets.once.bet(self._ratio, once[name], odds, 1.0)
            bets.often.bet(self._ratio, often[name], odds, weight)
        hurt, usual = often[_ALL]
        if hurt + usual:
            self._likelihood.add(hurt, hurt + usual, odds, weight, self._unused)
        self._dispersion.update(usual, 1 / (1 + odds))

    def _every(self) -> Iterable[_Bets]:
        return (self._all, *self._routes.values())

    def _turn(self, at: float) -> None:
        window = math.floor(at / self._window)
        # A clock that goes back opens no window again.
        if self._opened is None or window > self._opened:
            self._opened, self._open = window, {name: set() for name in (_ALL, *self._routes)}

    def _by_route(self, failed: Iterable[tuple[int, str]]) -> dict[str, set[int]]:
        """Users with an error on each route, and on any."""
        found: dict[str, set[int]] = {name: set() for name in (_ALL, *self._routes)}
        for user, route in failed:
            user &= _HASH
            found[_ALL].add(user)
            found[route if route in self._routes else REST].add(user)
        return found

    def _new(
        self, ours: dict[str, set[int]], theirs: dict[str, set[int]]
    ) -> tuple[dict[str, tuple[int, int]], dict[str, tuple[int, int]]]:
        """How many users of canary and stable are counted, by route: at their first error ever, and in this window.

        A user who had an error before, on any route, is known to be of one version: only new users are a coin. A user
        who failed on both versions within this look changed version, and counts for neither.
        """
        once, often = {}, {}
        seen_canary, seen_stable = self._seen
        both = ours[_ALL] & theirs[_ALL]
        for name, opened in self._open.items():
            mine, others = ours[name] - both, theirs[name] - both
            once[name] = (
                (len(mine - seen_canary - seen_stable), len(others - seen_canary - seen_stable))
                if not self.full
                else (0, 0)
            )
            often[name] = len(mine - opened), len(others - opened)
            if len(opened) < MOST_USERS:
                opened |= ours[name] | theirs[name]
        return once, often

    def _remember(self, ours: set[int], theirs: set[int]) -> None:
        if self.full:
            return
        self._seen[0].update(ours)
        self._seen[1].update(theirs)
        self.full = len(self._seen[0]) + len(self._seen[1]) >= MOST_USERS

    def evidence(self) -> float:
        """Natural logarithm of the e-value for harm: half over all routes, half the mean over single ones."""
        return average((self._all.evidence(), average(bets.evidence() for bets in self._routes.values())))

    def worst_route(self) -> tuple[str, float]:
        """The route with the most evidence, and that evidence."""
        found = {name: bets.evidence() for name, bets in self._routes.items()}
        worst = max(found, key=found.__getitem__)
        return worst, found[worst]

    @property
    def hurt(self) -> tuple[int, int]:
        """Distinct users who met an error: on the canary, on stable."""
        return len(self._seen[0]), len(self._seen[1])

    def ratio(self) -> float | None:
        """The most likely ratio of users with an error in a window, canary over stable; None while it is unbounded."""
        return self._likelihood.most_likely()

    def interval(self) -> tuple[float, float]:
        """Ratios of users with an error in a window, canary over stable, that the looks do not refute at 1 − alpha."""
        return self._likelihood.compare(self._alpha)[1]

    def to_dict(self) -> JsonObject:
        return {
            "all": self._all.to_dict(),
            "routes": {name: bets.to_dict() for name, bets in self._routes.items()},
            "likelihood": self._likelihood.values.tolist(),
            "dispersion": self._dispersion.to_dict(),
            "looks": self._looks,
            "seen": [_packed(users) for users in self._seen],
            "open": {name: _packed(users) for name, users in self._open.items()},
            "opened": self._opened,
            "full": self.full,
        }

    def restore(self, saved: JsonObject) -> None:
        self._all.restore(object_at(saved, "all"))
        routes = entries(object_at, saved, "routes")
        self._routes = {name: _Bets() for name in routes}
        for name, bets in self._routes.items():
            bets.restore(routes[name])
        self._likelihood.restore(each(number_at, saved, "likelihood"))
        self._dispersion.restore(object_at(saved, "dispersion"))
        self._looks, self._opened, self.full = (
            whole_at(saved, "looks"),
            optional(whole_at, saved, "opened"),
            truth_at(saved, "full"),
        )
        self._seen = (_unpacked(text_at(saved, "seen", 0)), _unpacked(text_at(saved, "seen", 1)))
        self._open = {name: _unpacked(users) for name, users in entries(text_at, saved, "open").items()}


class _Bets:
    """The two statistics of one route, or of all."""

    def __init__(self) -> None:
        self.once, self.often = _Bet(), _Bet()

    def begin(self, amount: float) -> None:
        self.once.capital.begin(amount)
        self.often.capital.begin(amount)

    def evidence(self) -> float:
        return weighted(self.once.capital.evidence(), self.often.capital.evidence(), OFTEN)

    def to_dict(self) -> JsonObject:
        return {"once": self.once.capital.to_dict(), "often": self.often.capital.to_dict()}

    def restore(self, saved: JsonObject) -> None:
        self.once.capital.restore(object_at(saved, "once"))
        self.often.capital.restore(object_at(saved, "often"))


class _Bet:
    def __init__(self) -> None:
        self.capital = Capital()
        self.capital.hold_back(LATE)

    def bet(self, ratio: float, users: tuple[int, int], odds: float, weight: float) -> None:
        canary, stable = users
        if canary + stable:
            self.capital.bet(gains(ratio, canary, canary + stable, odds, weight), canary)


def _packed(users: Iterable[int]) -> str:
    """Sorted, eight bytes each, in base64."""
    return base64.b64encode(np.array(sorted(users), dtype="<u8").tobytes()).decode()


def _unpacked(text: str) -> set[int]:
    return set(np.frombuffer(base64.b64decode(text), dtype="<u8").tolist())
