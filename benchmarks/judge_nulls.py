"""Simulated hours for `judge.py`: releases that do no harm, in every way in which errors come, and releases that do.

Many hours lie in one array: a look is a second, the canary gets 5 % of the requests, and 0.1 % of requests fail, unless
the line says otherwise. Where users stick to a version, every error carries its user. Nobody's numbers but these
generators' are behind them; how users and instances really differ is a guess, the shape of a result is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

HOUR, SHARE, BASE = 3600, 0.05, 0.001
Array = np.ndarray[Any, Any]
Chance = np.random.Generator


@dataclass(frozen=True)
class Errors:
    """Every error of a user, in the order of time. hour: row of the arrays · canary: whether the canary answered ·
    user: different in each hour · route: index."""

    hour: Array
    second: Array
    canary: Array
    user: Array
    route: Array


@dataclass(frozen=True)
class Hours:
    """Looks of many hours, each array of shape (hours, looks); by route and by instance with one axis before.

    sticky: users stay on a version · errors: each error's user, where the router logs it · begins: the look at which
    harm begins · born: the canary's instances are fresh at the first look.
    """

    canary_bad: Array
    canary_total: Array
    stable_bad: Array
    stable_total: Array
    sticky: bool = False
    errors: Errors | None = None
    routes: tuple[Array, Array, Array, Array] | None = None
    instances: tuple[Array, Array] | None = None
    begins: int = 0

    @property
    def looks(self) -> int:
        return int(self.canary_bad.shape[1])

    def __len__(self) -> int:
        return int(self.canary_bad.shape[0])


@dataclass(frozen=True)
class Line:
    """One line of a table. requests: of both versions, a second · bad_luck: it is the canary's own bad luck, which
    nothing tells apart from a bad release · base: share of requests that fail, one or one for each hour ·
    looks: seconds.
    """

    name: str
    requests: float
    make: Callable[[Chance, int, Line], Hours]
    bad_luck: bool = False
    sticky: bool = False
    theta: float = 1.0
    begins: int = 0
    base: Any = BASE
    looks: int = HOUR
    options: dict[str, float] = field(default_factory=dict)


# ── counts, where the version of a request is a coin or only rates differ ────────────────────────────────────────


def _counts(chance: Chance, requests: Array, rate: Array, shape: tuple[int, int]) -> tuple[Array, Array]:
    """Bad and all requests of each look. Poisson numbers of good and bad ones are a Poisson number split binomially."""
    bad = chance.poisson(np.broadcast_to(requests * rate, shape)).astype(np.int32)
    good = chance.poisson(np.broadcast_to(requests * (1 - rate), shape)).astype(np.int32)
    return bad, bad + good


def _hours(
    chance: Chance, count: int, line: Line, *, wave: Any = 1.0, canary: Any = 1.0, stable: Any = 1.0, share: Any = SHARE
) -> Hours:
    """wave: factor of the traffic · canary, stable: factors of the error rate · share: the canary's of the requests.
    All of a shape that fits (hours, looks)."""
    shape = (count, line.looks)
    harm = np.where(np.arange(line.looks) >= line.begins, line.theta, 1.0)
    rate = np.minimum(1.0, line.base * np.asarray(canary) * harm)
    bad_c, all_c = _counts(chance, line.requests * np.asarray(share) * wave, rate, shape)
    rate = np.minimum(1.0, line.base * np.asarray(stable))
    bad_s, all_s = _counts(chance, line.requests * (1 - np.asarray(share)) * wave, rate, shape)
    return Hours(bad_c, all_c, bad_s, all_s, begins=line.begins)


def _active(chance: Chance, count: int, looks: int, rate: float, seconds: int) -> Array:
    """How many spells are under way at each look, if `rate` begin a second and each lasts `seconds`."""
    begun = np.cumsum(chance.poisson(rate, (count, looks + seconds)), axis=1, dtype=np.int32)
    return begun[:, seconds:] - begun[:, :-seconds]


def steady(chance: Chance, count: int, line: Line) -> Hours:
    return _hours(chance, count, line)


def diurnal(chance: Chance, count: int, line: Line) -> Hours:
    return _hours(chance, count, line, wave=1 + 0.8 * np.sin(np.arange(line.looks) / HOUR * 2 * np.pi))


def overdispersed(chance: Chance, count: int, line: Line) -> Hours:
    rates = chance.gamma(2.0, 0.5, (2, count, line.looks))
    return _hours(chance, count, line, canary=rates[0], stable=rates[1])


def bursts_of_each(chance: Chance, count: int, line: Line) -> Hours:
    """Twenty seconds of tenfold errors, each five minutes in the mean, of each version by itself."""
    ours, theirs = (1 + 9 * (_active(chance, count, line.looks, 1 / 300, 20) > 0) for _ in range(2))
    return _hours(chance, count, line, canary=ours, stable=theirs)


def bursts_of_both(chance: Chance, count: int, line: Line) -> Hours:
    rate = 1 + 9 * (_active(chance, count, line.looks, 1 / 300, 20) > 0)
    return _hours(chance, count, line, canary=rate, stable=rate)


def ill_instance(chance: Chance, count: int, line: Line) -> Hours:
    """Each instance once in ten hours answers 180 seconds with 20 times the errors. The canary has `instances` of its
    own, stable 19 times as many."""
    own = int(line.options.get("instances", 1))
    ill = [np.minimum(1, _active(chance, count, line.looks, 1 / 36_000, 180)) for _ in range(own)]
    others = _active(chance, count, line.looks, 19 * own / 36_000, 180)
    shape = (count, line.looks)
    parts = [_counts(chance, np.asarray(line.requests * SHARE / own), line.base * (1 + 19 * i), shape) for i in ill]
    instances = np.stack([p[0] for p in parts]), np.stack([p[1] for p in parts])
    rest = _hours(chance, count, line, stable=1 + others / own)
    return replace(rest, canary_bad=instances[0].sum(0), canary_total=instances[1].sum(0), instances=instances)


def bad_instances(chance: Chance, count: int, line: Line) -> Hours:
    """Harm of the release, on all of the canary's `instances` alike."""
    own = int(line.options["instances"])
    shape = (count, line.looks)
    rate = np.asarray(line.base * line.theta)
    parts = [_counts(chance, np.asarray(line.requests * SHARE / own), rate, shape) for _ in range(own)]
    instances = np.stack([p[0] for p in parts]), np.stack([p[1] for p in parts])
    rest = _hours(chance, count, line)
    return replace(rest, canary_bad=instances[0].sum(0), canary_total=instances[1].sum(0), instances=instances)


def warm_up(chance: Chance, count: int, line: Line) -> Hours:
    """The fresh canary fails `extra` more of its requests at first, which fades over 20 seconds."""
    fading = 1 + line.options["extra"] / line.base * np.exp(-np.arange(line.looks) / 20)
    return _hours(chance, count, line, canary=fading)


def _autoregressive(chance: Chance, count: int, looks: int, tau: float, deviation: float) -> Array:
    """exp of a stationary autoregressive process, with a mean of 1."""
    kept = np.exp(-1 / tau)
    noise = chance.normal(0, deviation * np.sqrt(1 - kept * kept), (looks, count))
    value = chance.normal(0, deviation, count)
    for look in range(looks):
        value = kept * value + noise[look]
        noise[look] = value
    return np.exp(noise.T - deviation**2 / 2)


def autoregressive(chance: Chance, count: int, line: Line) -> Hours:
    tau, deviation = line.options["tau"], line.options["deviation"]
    ours = _autoregressive(chance, count, line.looks, tau, deviation)
    theirs = _autoregressive(chance, count, line.looks, tau, deviation) if line.bad_luck else ours
    return _hours(chance, count, line, canary=ours, stable=theirs)


def day(chance: Chance, count: int, line: Line) -> Hours:
    """Waves of traffic over 24 hours, and of errors with another phase."""
    turn = np.arange(line.looks) / 86_400 * 2 * np.pi
    rate = 1 + 0.5 * np.sin(turn + 1)
    return _hours(chance, count, line, wave=1 + 0.8 * np.sin(turn), canary=rate, stable=rate)


def spikes(chance: Chance, count: int, line: Line) -> Hours:
    """Ten times the traffic and five times the error rate of both for 20 seconds, each five minutes in the mean."""
    on = _active(chance, count, line.looks, 1 / 300, 20) > 0
    return _hours(chance, count, line, wave=1 + 9 * on, canary=1 + 4 * on, stable=1 + 4 * on)


def split_wanders(chance: Chance, count: int, line: Line) -> Hours:
    """The canary's share wanders by a fifth to both sides within ten minutes."""
    phase = chance.random((count, 1)) * 2 * np.pi
    share = SHARE * (1 + 0.2 * np.sin(np.arange(line.looks) / 600 * 2 * np.pi + phase))
    return _hours(chance, count, line, share=share)


# ── routes ───────────────────────────────────────────────────────────────────────────────────────────────────────

ENDPOINTS = ((0.50, 0.0001), (0.30, 0.0004), (0.17, 0.0013), (0.03, 0.02))
"""Share of the requests and error rate of each endpoint: 0.1 % together."""


def _by_route(
    chance: Chance, line: Line, count: int, mix_c: Array, mix_s: Array, rate_c: Array, rate_s: Array
) -> Hours:
    """mix: share of each endpoint, (hours, endpoints) · rate: errors of each endpoint."""
    shape = (count, line.looks)
    ours, theirs = [], []
    for route in range(len(ENDPOINTS)):
        requests = line.requests * SHARE * mix_c[:, route, None]
        ours.append(_counts(chance, requests, rate_c[route], shape))
        requests = line.requests * (1 - SHARE) * mix_s[:, route, None]
        theirs.append(_counts(chance, requests, rate_s[route], shape))
    bad_c, all_c, bad_s, all_s = (np.stack([part[i] for part in side]) for side in (ours, theirs) for i in (0, 1))
    return Hours(bad_c.sum(0), all_c.sum(0), bad_s.sum(0), all_s.sum(0), routes=(bad_c, all_c, bad_s, all_s))


def mix_differs(chance: Chance, count: int, line: Line) -> Hours:
    """The canary's mix of endpoints is another one in each hour: Dirichlet, concentration 100."""
    mix, rates = (np.array(column) for column in zip(*ENDPOINTS, strict=True))
    ours = chance.dirichlet(100 * mix, count)
    return _by_route(chance, line, count, ours, np.broadcast_to(mix, (count, len(mix))), rates, rates)


def one_endpoint(chance: Chance, count: int, line: Line) -> Hours:
    """Endpoint number `route` of the canary fails with rate `rate`, the others as ever."""
    mix, rates = (np.array(column) for column in zip(*ENDPOINTS, strict=True))
    harmed = rates.copy()
    harmed[int(line.options["route"])] = line.options["rate"]
    both = np.broadcast_to(mix, (count, len(mix)))
    return _by_route(chance, line, count, both, both, harmed, rates)


# ── users ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _users_of(line: Line) -> int:
    return int(max(500, 10 * line.requests))


def _assign(chance: Chance, line: Line, hour: Array, user: Array, count: int, users: int) -> Array:
    """Whether the canary answers: by user where users stick, anew for each request otherwise."""
    if not line.sticky:
        return chance.random(len(hour)) < SHARE
    return (chance.random((count, users)) < SHARE)[hour, user]


def _from_errors(chance: Chance, line: Line, count: int, found: Errors, share: Any = SHARE) -> Hours:
    """The looks of these errors, with good requests of the other users beside them."""
    keep = found.second < line.looks
    parts = [getattr(found, name)[keep] for name in ("hour", "second", "canary", "user", "route")]
    order = np.argsort(parts[1], kind="stable")
    found = Errors(*(part[order] for part in parts))
    shape = (count, line.looks)
    at = found.hour.astype(np.int64) * line.looks + found.second
    size = count * line.looks
    bad_c, bad_s = (
        np.bincount(at[side], minlength=size).reshape(shape).astype(np.int32) for side in (found.canary, ~found.canary)
    )
    share = np.broadcast_to(np.asarray(share), (count, 1))
    good_c, good_s = (chance.poisson(np.broadcast_to(line.requests * s, shape)) for s in (share, 1 - share))
    all_c, all_s = bad_c + good_c.astype(np.int32), bad_s + good_s.astype(np.int32)
    return Hours(bad_c, all_c, bad_s, all_s, line.sticky, found if line.sticky else None, begins=line.begins)


def _plain_errors(chance: Chance, count: int, line: Line, users: int) -> tuple[Array, Array, Array]:
    """Hour, second and user of independent errors of users that are alike."""
    events = chance.poisson(line.requests * line.base * line.looks, count)
    hour = np.repeat(np.arange(count), events)
    return hour, chance.integers(0, line.looks, len(hour)), chance.integers(0, users, len(hour))


def _together(*parts: tuple[Array, ...]) -> list[Array]:
    return [np.concatenate(columns) for columns in zip(*parts, strict=True)]


def retries(chance: Chance, count: int, line: Line) -> Hours:
    """Every error comes again `retries` times within seconds, from the same user; users are alike otherwise.

    With harm the canary's users fail `theta` times as often.
    """
    users, more = _users_of(line), int(line.options["retries"])
    hour, second, user = _plain_errors(chance, count, line, users)
    ours = (chance.random((count, users)) < SHARE) if line.sticky else None
    share = SHARE if ours is None else ours.mean(axis=1, keepdims=True)
    if line.theta != 1 and ours is not None:
        kept = ~ours[hour, user]
        canary = _harmed_errors(chance, line, ours, count)
        hour, second, user = _together((hour[kept], second[kept], user[kept]), canary)
    waits = chance.integers(0, 3, (len(hour), more)).cumsum(axis=1)
    hour, user = np.repeat(hour, more + 1), np.repeat(user, more + 1)
    second = (second[:, None] + np.concatenate([np.zeros((len(waits), 1), int), waits], axis=1)).ravel()
    canary = chance.random(len(hour)) < SHARE if ours is None else ours[hour, user]
    return _from_errors(chance, line, count, Errors(hour, second, canary, user, np.zeros_like(hour)), share)


def _harmed_errors(chance: Chance, line: Line, ours: Array, count: int) -> tuple[Array, Array, Array]:
    """Independent errors of the canary's users, `theta` times as many from the look at which harm begins."""
    users = ours.shape[1]
    rate = line.requests / users * ours.sum(axis=1) * line.base
    before = chance.poisson(rate * line.begins)
    after = chance.poisson(rate * line.theta * (line.looks - line.begins))
    hour = np.repeat(np.tile(np.arange(count), 2), np.concatenate([before, after]))
    second = np.concatenate(
        [
            chance.integers(0, max(1, line.begins), before.sum()),
            chance.integers(line.begins, line.looks, after.sum()),
        ]
    )
    # A random user of the canary for each: the k-th of the row.
    order = np.argsort(~ours, axis=1, kind="stable")
    place = (chance.random(len(hour)) * ours.sum(axis=1)[hour]).astype(int)
    return hour, second, order[hour, place]


def broken_client(chance: Chance, count: int, line: Line) -> Hours:
    """One client an hour sends 100 requests a minute for ten minutes, and all fail."""
    users = _users_of(line) + 1
    plain = _plain_errors(chance, count, line, users - 1)
    events = chance.poisson(100 / 60 * 600, count)
    hour = np.repeat(np.arange(count), events)
    begin = chance.integers(0, line.looks - 600, count)
    broken = hour, begin[hour] + chance.integers(0, 600, len(hour)), np.full(len(hour), users - 1)
    hour, second, user = _together(plain, broken)
    canary = _assign(chance, line, hour, user, count, users)
    return _from_errors(chance, line, count, Errors(hour, second, canary, user, np.zeros_like(hour)))


def batches(chance: Chance, count: int, line: Line) -> Hours:
    """One client sends 2,000 requests within ten seconds each five minutes, and 2 % of them fail."""
    users = _users_of(line) + 1
    plain = _plain_errors(chance, count, line, users - 1)
    times = line.looks // 300
    events = chance.binomial(2000, 0.02, (count, times))
    hour = np.repeat(np.repeat(np.arange(count), times), events.ravel())
    begin = np.repeat(np.tile(np.arange(times) * 300 + 60, count), events.ravel())
    own = hour, begin + chance.integers(0, 10, len(hour)), np.full(len(hour), users - 1)
    hour, second, user = _together(plain, own)
    ours = (chance.random((count, users)) < SHARE) if line.sticky else None
    canary = chance.random(len(hour)) < SHARE if ours is None else ours[hour, user]
    made = _from_errors(chance, line, count, Errors(hour, second, canary, user, np.zeros_like(hour)))
    # The batch's good requests: they belong to its version.
    on = (np.arange(line.looks) % 300 >= 60) & (np.arange(line.looks) % 300 < 70)
    good = np.where(on, chance.poisson(196.0, (count, line.looks)), 0).astype(np.int32)
    to_canary = chance.binomial(good, SHARE) if ours is None else good * ours[:, -1, None]
    return replace(made, canary_total=made.canary_total + to_canary, stable_total=made.stable_total + good - to_canary)


PRONE, PRONE_RATE = 0.05, 0.016
"""Share of the users on an endpoint that fails often, and how often it does."""


def users_differ(chance: Chance, count: int, line: Line) -> Hours:
    """Traffic of users is lognormal, σ 1.5; one in twenty uses an endpoint of which 1.6 % fail."""
    users = int(line.options["users"])
    traffic = chance.lognormal(0, 1.5, (count, users))
    traffic *= line.requests / traffic.sum(axis=1, keepdims=True)
    prone = chance.random((count, users)) < PRONE
    ours = chance.random((count, users)) < SHARE
    usual = (line.base - PRONE * PRONE_RATE) / (1 - PRONE)
    rate = np.where(prone, PRONE_RATE, usual) * np.where(ours, line.theta, 1.0)
    events = chance.poisson(traffic * np.minimum(1, rate) * line.looks)
    hour, user = (np.repeat(index.ravel(), events.ravel()) for index in np.indices((count, users), dtype=np.int32))
    second = chance.integers(0, line.looks, len(hour))
    found = Errors(hour, second, ours[hour, user], user, prone[hour, user].astype(int))
    share = (traffic * ours).sum(axis=1, keepdims=True) / line.requests
    made = _from_errors(chance, line, count, found, share)
    return replace(made, routes=_user_routes(chance, made, traffic, ours, prone))


def _user_routes(
    chance: Chance, made: Hours, traffic: Array, ours: Array, prone: Array
) -> tuple[Array, Array, Array, Array]:
    """The same looks by endpoint: the usual one and the one that fails often."""
    assert made.errors is not None
    found, shape = made.errors, made.canary_bad.shape
    at = found.hour.astype(np.int64) * shape[1] + found.second
    parts = []
    for side, total in ((True, made.canary_total), (False, made.stable_total)):
        mine = (found.canary == side) & (found.route == 1)
        often = np.bincount(at[mine], minlength=shape[0] * shape[1]).reshape(shape).astype(np.int32)
        all_bad = made.canary_bad if side else made.stable_bad
        weight = traffic * (ours == side)
        chance_of = (weight * prone).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-12)
        good = chance.binomial(total - all_bad, np.minimum(1, chance_of)[:, None]).astype(np.int32)
        parts += [np.stack([all_bad - often, often]), np.stack([total - often - good, often + good])]
    return parts[0], parts[1], parts[2], parts[3]


# ── the lines ────────────────────────────────────────────────────────────────────────────────────────────────────


def _twice(line: Line) -> tuple[Line, Line]:
    """The line where users stick, and where each request is assigned anew."""
    return replace(line, name=f"{line.name}, sticky", sticky=True), replace(line, name=f"{line.name}, split by request")


def nulls_at(requests: float) -> tuple[Line, ...]:
    """Every way in which a release does no harm."""
    at = f"{requests:g}/s "
    users = 5000 if requests >= 500 else 500
    return (
        Line(f"{at}steady", requests, steady),
        Line(f"{at}bursts of both", requests, bursts_of_both),
        Line(f"{at}bursts of each", requests, bursts_of_each, bad_luck=True),
        Line(f"{at}one of 20 instances ill", requests, ill_instance, bad_luck=True),
        Line(f"{at}one of 40 ill, two canaries", requests, ill_instance, options={"instances": 2}),
        *_twice(Line(f"{at}broken client", requests, broken_client)),
        *_twice(Line(f"{at}3 retries", requests, retries, options={"retries": 3})),
        *_twice(Line(f"{at}10 retries", requests, retries, options={"retries": 10})),
        Line(f"{at}warm-up +1 %", requests, warm_up, options={"extra": 0.01}),
        Line(f"{at}warm-up +0.3 %", requests, warm_up, options={"extra": 0.003}),
        *(_wandering(at, requests, tau, sd, own) for tau, sd in ((60, 0.7), (600, 0.5)) for own in (0, 1)),
        *_twice(Line(f"{at}batches of one client", requests, batches)),
        Line(f"{at}spikes 10:1", requests, spikes),
        Line(f"{at}split wanders ±20 %", requests, split_wanders),
        Line(f"{at}users differ", requests, users_differ, sticky=True, options={"users": users}),
        Line(f"{at}mix of 4 endpoints", requests, mix_differs),
    )  # fmt: skip


def _wandering(at: str, requests: float, tau: float, deviation: float, own: int) -> Line:
    whose = "of each" if own else "common"
    options = {"tau": tau, "deviation": deviation}
    return Line(f"{at}AR {tau:g} s, {whose}", requests, autoregressive, bad_luck=bool(own), options=options)


A_DAY = Line("50/s a day of waves (24 h)", 50, day, looks=86_400)
NULLS = (*nulls_at(500), *nulls_at(50), A_DAY)

HARMS = (
    *(Line(f"{r:g}/s ×{t:g}", r, steady, theta=t) for r in (5.0, 50.0, 500.0, 5000.0) for t in (2, 5, 10, 50)),
    *(Line(f"{r:g}/s ×50 after 30 min", r, steady, theta=50, begins=1800) for r in (5.0, 50.0, 500.0, 5000.0)),
    Line("500/s an endpoint of 3 %: 2 → 20 %", 500, one_endpoint, options={"route": 3, "rate": 0.2}),
    Line("500/s an endpoint of 50 %: 0.01 → 1 %", 500, one_endpoint, options={"route": 0, "rate": 0.01}),
    Line("500/s ×50, two canaries", 500, bad_instances, theta=50, options={"instances": 2}),
    Line("50/s ×50, sticky", 50, retries, theta=50, sticky=True, options={"retries": 0}),
    Line("500/s ×5, sticky", 500, retries, theta=5, sticky=True, options={"retries": 0}),
    Line("500/s ×5, sticky, 3 retries", 500, retries, theta=5, sticky=True, options={"retries": 3}),
    Line("500/s ×50, sticky, 3 retries", 500, retries, theta=50, sticky=True, options={"retries": 3}),
    Line("500/s ×5, users differ", 500, users_differ, theta=5, sticky=True, options={"users": 5000}),
    Line("50/s ×10, users differ", 50, users_differ, theta=10, sticky=True, options={"users": 500}),
)  # fmt: skip


def fair(chance: Chance, count: int, requests: float) -> tuple[Hours, Hours]:
    """Null hours for equal false alarms, and the hour before each: a quarter each steady, diurnal, with bursts of both,
    overdispersed. No rule knows the base rate, log-uniform in 0.03 … 0.3 %."""
    made, before = [], []
    for shape in (steady, diurnal, bursts_of_both, overdispersed):
        base = np.exp(chance.uniform(np.log(0.0003), np.log(0.003), (max(1, count // 4), 1)))
        line = Line("", requests, shape, base=base)
        made.append(shape(chance, len(base), line))
        before.append(shape(chance, len(base), line))
    return _one_below_another(made), _one_below_another(before)


def _one_below_another(parts: list[Hours]) -> Hours:
    names = ("canary_bad", "canary_total", "stable_bad", "stable_total")
    return Hours(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
