"""Warms the new version's cache through its own instances, and measures it, before users get the version (R12).

Each key is requested at an instance of the new version, which fills its cache as it does for users. Then Redis says how
many of the keys it holds. Where the new version has a Redis of its own, the keys are requested once more, and the share
of reads that hit counts as well. Pilotage itself writes nothing into the cache.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from urllib.parse import quote

from pilotage.adapters.caches import keys as read_keys
from pilotage.adapters.caches.redis_cache import Counters, RedisCache
from pilotage.adapters.http import get_status
from pilotage.adapters.placeholders import filled
from pilotage.adapters.ports import AdapterError
from pilotage.model.quantity import format_share, format_size

REDIS, STABLE = "redis", "stable_redis"
"""The URLs, among what a check gets of the environment."""

_SAMPLE = 1000
"""Keys that are requested a second time."""
_ANSWER = 10.0
"""Seconds for an answer of Redis."""


@dataclass(frozen=True, kw_only=True)
class WarmTask:
    """keys: a file, or a command that prints them · http: path that reads a key, None where something else warms ·
    stored_as: a key's name in Redis · at_least: share · parallel: requests at once."""

    keys: str | tuple[str, ...]
    at_least: float
    http: str | None = None
    stored_as: str = "{key}"
    parallel: int = 8


@dataclass(frozen=True, kw_only=True)
class Release:
    """Whose cache it is. facts: values of placeholders · environment: of the command that prints keys · cwd: of that
    command, and of the file · timeout: seconds for all of it."""

    facts: Mapping[str, str]
    environment: Mapping[str, str]
    cwd: str
    timeout: float


def perform(task: WarmTask, secrets: Mapping[str, str], release: Release) -> str:
    """What was warmed, in a sentence with its figures. Raises AdapterError with what is wrong."""
    until = time.monotonic() + release.timeout
    keys = _keys(task, release)
    with closing(RedisCache(filled(secrets[REDIS], _version(release)), _ANSWER)) as cache:
        before = cache.counters()
        shared = _is_shared(task, cache, before, secrets.get(STABLE), release)
        began = time.monotonic()
        failed = _requested(task, keys, release, until) if task.http else []
        took = time.monotonic() - began
        there = cache.present([_stored(task, key, release) for key in keys])
        share = there / len(keys)
        words = f"{cache.called} holds {there:,} of {len(keys):,} keys ({_percent(share)})"
        if share < task.at_least:
            why = _why(cache.counters(), before, failed)
            raise AdapterError(f"{words}, and {format_share(task.at_least)} must be there{why}")
        words += f", filled through {_instances(release)} in {took:.1f} s" if task.http else ""
        return (
            words + ("" if shared else _hits(task, cache, keys, release, until)) + _evictions(cache.counters(), before)
        )


def _keys(task: WarmTask, release: Release) -> tuple[str, ...]:
    if isinstance(task.keys, str):
        return read_keys.of_file(Path(release.cwd) / task.keys, task.keys)
    command = [filled(part, release.facts) for part in task.keys]
    return read_keys.of_command(command, release.environment, release.cwd, release.timeout)


def _version(release: Release) -> dict[str, str]:
    return {"version": release.facts.get("version", "")}


def _stored(task: WarmTask, key: str, release: Release) -> str:
    return filled(task.stored_as, {**_version(release), "key": key})


def _is_shared(task: WarmTask, cache: RedisCache, now: Counters, url: str | None, release: Release) -> bool:
    """Whether both versions use one server, each with keys or a database of its own: then its counters are of both.
    url: of the cache of the version that serves. Raises AdapterError where both have the same keys."""
    by_name = "{version}" in task.stored_as
    if url is None:
        return by_name
    stable = {"version": release.facts.get("stable_version", "")}
    with closing(RedisCache(filled(url, stable), _ANSWER)) as other:
        shared = other.counters().run == now.run
    if shared and other.database == cache.database and not by_name:
        raise AdapterError(
            f"both versions use {cache.called} under the same keys: give the new version a Redis or a database of its "
            "own, or put {version} into its keys and into stored_as"
        )
    return shared or by_name


def _requested(task: WarmTask, keys: Sequence[str], release: Release, until: float) -> list[str]:
    """Request each key at an instance, in turn; what went wrong, at most once per kind. Raises AdapterError when the
    time is up."""
    instances = cycle(_addresses(release))
    jobs = [
        (f"http://{instance}{_path(task, key, release)}", until) for key, instance in zip(keys, instances, strict=False)
    ]
    with ThreadPoolExecutor(max_workers=task.parallel) as pool:
        answers = list(pool.map(lambda job: _asked(*job), jobs))
    if late := sum(one is _LATE for one in answers):
        raise AdapterError(
            f"warming did not end within {release.timeout:g} s: {len(keys) - late:,} of {len(keys):,} keys were "
            "requested; name fewer keys, raise parallel, or raise the check's timeout"
        )
    return list(dict.fromkeys(one for one in answers if one))


_LATE = "the time was up"


def _asked(url: str, until: float) -> str:
    """What is wrong with the answer; empty if nothing is."""
    left = until - time.monotonic()
    if left <= 0:
        return _LATE
    try:
        status, _ = get_status(url, timeout=left)
    except AdapterError as error:
        return _LATE if time.monotonic() >= until else str(error)
    return "" if 200 <= status < 400 else f"{url} returned {status}"


def _path(task: WarmTask, key: str, release: Release) -> str:
    return filled(task.http or "", {**_version(release), "key": quote(key, safe="")})


def _addresses(release: Release) -> list[str]:
    found = [one for one in release.facts.get("instances", "").split(",") if one]
    if not found:
        raise AdapterError("no instance of the new version runs that could fill its cache")
    return found


def _instances(release: Release) -> str:
    number = len(_addresses(release))
    return f"{number} instance{'' if number == 1 else 's'}"


def _hits(task: WarmTask, cache: RedisCache, keys: Sequence[str], release: Release, until: float) -> str:
    """The share of reads that hit while some keys are requested again. Raises AdapterError where it is too low."""
    if not task.http:
        return ""
    step = max(1, len(keys) // _SAMPLE)
    before = cache.counters()
    _requested(task, keys[::step][:_SAMPLE], release, until)
    after = cache.counters()
    hits, misses = after.hits - before.hits, after.misses - before.misses
    if hits + misses <= 0:
        raise AdapterError(
            f"nothing of {cache.called} was read when the keys were requested again: the new version uses another cache"
        )
    rate = hits / (hits + misses)
    words = f"{_percent(rate)} of {hits + misses:,} reads hit"
    if rate < task.at_least:
        raise AdapterError(
            f"{words} at {cache.called} when the keys were requested again, and {format_share(task.at_least)} must: "
            "the new version reads other keys than it was warmed with"
        )
    return f"; {words}"


def _why(after: Counters, before: Counters, failed: Sequence[str]) -> str:
    """Why keys are missing, as far as it can be seen."""
    evicted = _evictions(after, before)
    if evicted:
        return evicted
    if failed:
        more = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
        return f": {failed[0]}{more}"
    return ": check stored_as, and how long the service keeps a key"


def _evictions(after: Counters, before: Counters) -> str:
    gone = after.evicted - before.evicted
    if gone <= 0:
        return ""
    return f"; Redis evicted {gone:,} keys meanwhile: maxmemory is {format_size(after.limit)} ({after.policy})"


def _percent(share: float) -> str:
    """Never rounded up: 99.96 % is not all of them."""
    return format_share(int(share * 1000) / 1000)
