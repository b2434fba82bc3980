"""Pools of versions at Cloudflare: made, given instances, and deleted. The fence is checked before each write."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from pilotage.adapters.cloudflare_api import CloudflareApi, Missing, Referenced
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.cloudflare_sight import ill_of
from pilotage.adapters.routers.cloudflare_state import Origin, Pool, Settings, pools_of
from pilotage.adapters.routers.cloudflare_wanted import described, origins_for, pool_content, raw_origins
from pilotage.model.json import JsonObject, find, text_at


@dataclass(frozen=True, kw_only=True)
class Keeper:
    """check: raises Fenced · present: our pools by version · named: ids that the load balancer names · gone: when
    instances were removed, in Unix seconds, by version and `host:port`; what is removed here is noted there."""

    api: CloudflareApi
    settings: Settings
    check: Callable[[], None]
    present: Mapping[str, Pool]
    named: Collection[str]
    gone: dict[str, dict[str, float]]

    def carry(self, version: str, places: Sequence[Origin]) -> Pool:
        """A pool of this version with these instances."""
        present = self.present.get(version)
        origins = origins_for(self.settings, places, present, time.time())
        if present is not None and origins == raw_origins(present):
            return present
        self.check()
        if present is None and self.settings.pools:
            raw = self._take(version, origins)
        elif present is None:
            raw = self.api.create_pool(pool_content(self.settings, version, origins))
        else:
            raw = self.api.change_pool(present.id, {"origins": origins})
            self._note(version, present.origins - set(places))
        return pools_of([raw], self.settings)[version]

    def _take(self, version: str, origins: Sequence[JsonObject]) -> JsonObject:
        """One of the pools that a person named gets this version. One that serves users already is not taken."""
        found = {str(find(raw, "name")): raw for raw in self.api.pools(urgent=True)}
        if missing := [name for name in self.settings.pools if name not in found]:
            raise AdapterError(f"the account has no pool {missing[0]}: create it, or correct router.pools")
        taken = {pool.id for pool in self.present.values()} | set(self.named)
        free = next((found[one] for one in self.settings.pools if find(found[one], "id") not in taken), None)
        if free is None:
            raise AdapterError(f"no pool is free for {version}: add another one to router.pools")
        description = described(str(find(free, "description") or ""), self.settings.owner, version)
        return self.api.change_pool(text_at(free, "id"), {"description": description, "origins": list(origins)})

    def keep_or_delete(self, version: str, places: Sequence[Origin]) -> None:
        """Of a version without users: its pool with these instances; without any, no pool. A pool that somebody else's
        load balancer uses stays."""
        if places:
            self.carry(version, places)
        elif (present := self.present.get(version)) is not None:
            self.delete(present)
            self._note(version, present.origins)

    def delete(self, pool: Pool) -> None:
        """One that a person named is free again, with the origins that it has."""
        self.check()
        with suppress(Missing, Referenced):
            if find(pool.raw, "name") in self.settings.pools:
                description = described(str(find(pool.raw, "description") or ""), self.settings.owner)
                self.api.change_pool(pool.id, {"description": description})
            else:
                self.api.delete_pool(pool.id)

    def refuse_unseen(self, pools: Iterable[Pool], led: Collection[str]) -> None:
        """A pool with a monitor counts as down until Cloudflare has checked it, and its users would get to the fallback
        pool. Pools that had users of their version before (led: ids and versions) are not asked: nothing delays the way
        back. Raises AdapterError."""
        for pool in pools:
            if f"{pool.id} {pool.version}" not in led and (ill := ill_of(self.api, pool, unchecked=True)):
                raise AdapterError(f"Cloudflare sends no users to {pool.version}: its instances are {ill}")

    def _note(self, version: str, places: Iterable[Origin]) -> None:
        now = time.time()
        for host, port in places:
            self.gone.setdefault(version, {})[f"{host}:{port}"] = now


def recent(gone: Mapping[str, Mapping[str, float]], seconds: float) -> dict[str, dict[str, float]]:
    """What was removed in the last seconds."""
    oldest = time.time() - seconds
    found = {version: {one: at for one, at in places.items() if at > oldest} for version, places in gone.items()}
    return {version: places for version, places in found.items() if places}


def place_of(text: str) -> Origin:
    """`host:port`, as in `gone`."""
    host, _, port = text.rpartition(":")
    return host, int(port)
