"""Looks at a load balancer of Cloudflare with few calls: a token may make 1,200 in five minutes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pilotage.adapters.cloudflare_api import CloudflareApi
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.cloudflare_state import Pool, Settings, Shown, pools_of, shown_of
from pilotage.model.json import Json, JsonObject, find, text_at

_FRESH = 10.0
"""Seconds for which pools are not asked again, unless the load balancer or Pilotage changed."""
_HEALTH_EVERY = 15.0
"""Seconds between two questions for the health of a pool; monitors run every minute, or every ten seconds at best."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What Cloudflare has, at one moment."""

    balancer: JsonObject
    pools: Mapping[str, Pool]
    shown: Shown

    @property
    def id(self) -> str:
        return text_at(self.balancer, "id")

    @property
    def is_ours(self) -> bool:
        """Whether Pilotage leads users already."""
        return bool(self.shown.closed) or bool(self.serving)

    @property
    def serving(self) -> list[Pool]:
        """Our pools that have users."""
        named = {pool for pool, _ in self.shown.pools}
        return [] if self.shown.closed else [pool for pool in self.pools.values() if pool.id in named]


class Sight:
    """Looks, and what they found lately."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kept: tuple[float, Json, Mapping[str, Pool]] | None = None
        """When the pools were asked, what the load balancer's `modified_on` was, and the pools."""
        self._health: tuple[float, str] = (-_HEALTH_EVERY, "")
        """When health was asked, and what was wrong."""

    def look(self, api: CloudflareApi, *, urgent: bool = False) -> Look:
        """urgent: all of it anew, also while the token is throttled."""
        balancer = api.balancer(self._settings.balancer, urgent=urgent)
        pools = self._fresh(api, balancer, urgent=True) if urgent else self.pools(api, balancer)
        return Look(balancer=balancer, pools=pools, shown=shown_of(balancer, self._settings.sticky))

    def pools(self, api: CloudflareApi, balancer: JsonObject | None = None) -> Mapping[str, Pool]:
        """At most ten seconds old, and never older than the load balancer."""
        if self._kept is not None:
            at, modified, pools = self._kept
            is_same = balancer is None or find(balancer, "modified_on") == modified
            if is_same and time.monotonic() - at < _FRESH:
                return pools
        return self._fresh(api, balancer, urgent=False)

    def forget(self) -> None:
        """Something was changed: the next look asks anew."""
        self._kept, self._health = None, (-_HEALTH_EVERY, "")

    def refuse_down(self, api: CloudflareApi, look: Look) -> None:
        """A pool that Cloudflare sees as down has no users, whatever its weight: the others get them. Raises
        AdapterError."""
        at, wrong = self._health
        if time.monotonic() - at >= _HEALTH_EVERY:
            wrong = next((f"{pool.version} is {ill}" for pool in look.serving if (ill := ill_of(api, pool))), "")
            self._health = (time.monotonic(), wrong)
        if wrong:
            raise AdapterError(
                f"Cloudflare does not split by the weights: {wrong}, and its users get other versions or the fallback "
                "pool"
            )

    def _fresh(self, api: CloudflareApi, balancer: JsonObject | None, *, urgent: bool) -> Mapping[str, Pool]:
        pools = pools_of(api.pools(urgent=urgent), self._settings)
        modified = find(balancer, "modified_on") if balancer is not None else self._kept and self._kept[1]
        self._kept = (time.monotonic(), modified, pools)
        return pools


def ill_of(api: CloudflareApi, pool: Pool, *, unchecked: bool = False) -> str:
    """What most data centers find of a pool with a monitor; empty for a healthy one. unchecked: whether one that was
    not checked yet is ill, too."""
    if not find(pool.raw, "monitor") and not find(pool.raw, "monitor_group"):
        return ""
    healthy = _healthy(api.health(pool.id).values())
    if not healthy:
        return "not checked yet" if unchecked else ""
    return f"healthy in {sum(healthy)} of {len(healthy)} regions" if sum(healthy) * 2 < len(healthy) else ""


def _healthy(regions: Iterable[Json]) -> list[bool]:
    return [find(region, "healthy") is True for region in regions]
