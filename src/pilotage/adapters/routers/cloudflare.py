"""A load balancer at Cloudflare, which somebody made: each version is a pool, its weight the weight of the pool.

Pilotage sets four properties of the load balancer (its pools, their weights, the steering policy, and the rule of the
maintenance page), session affinity where it is configured, and pools of its own. Each is read just before it is set,
and only what differs is set. Cloudflare has no conditional write, so Pilotage remembers what it set: anything else is
somebody's edit, which is named, and which a repetition does not overwrite.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pilotage.adapters.cloudflare_api import CloudflareApi
from pilotage.adapters.cohorts import refuse_cohort
from pilotage.adapters.fence import Fence
from pilotage.adapters.files import private_folder
from pilotage.adapters.ports import AdapterError, Backends
from pilotage.adapters.routers import cloudflare_record as records
from pilotage.adapters.routers.change import Change, begun
from pilotage.adapters.routers.cloudflare_pools import Keeper, place_of, recent
from pilotage.adapters.routers.cloudflare_record import Access, Record
from pilotage.adapters.routers.cloudflare_sight import Look, Sight
from pilotage.adapters.routers.cloudflare_state import (
    Origin,
    Pool,
    Settings,
    Shown,
    endpoints_of,
    in_words,
    led_in,
    shown_of,
    split_of,
)
from pilotage.adapters.routers.cloudflare_wanted import differs, led, rules_for, sticky_content, weights_for
from pilotage.adapters.routers.traefik import refuse_empty
from pilotage.model.json import Json, JsonObject, find, list_at
from pilotage.model.traffic import Split

_ENOUGH = 10.0
"""Seconds after which a repetition is looked at again, whatever a look showed."""


class Edited(AdapterError):
    """Somebody changed the load balancer while Pilotage uses it."""

    code = "cloudflare-edited"


class CloudflareRouter:
    """The Router port over a load balancer. directory: our own folder on this machine · fence: None for the way back
    without a store."""

    def __init__(
        self, directory: Path, fence: Fence | None, api: CloudflareApi, access: Access, settings: Settings
    ) -> None:
        self._directory, self._fence, self.api = directory, fence, api
        self._access, self.settings = access, settings
        self._sight = Sight(settings)
        self._agreed = False
        """Whether the look just now showed what was set last."""
        self._done: tuple[float, Split, Mapping[str, tuple[Origin, ...]]] | None = None
        """When something was set last, and what."""
        self._reported: Shown | None = None
        """An edit of somebody else that was reported."""

    def url(self) -> str:
        return self._access.url

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────

    def read(self) -> Split | None:
        api = self.api.begun()
        look, record = self._sight.look(api), records.remembered(self._directory)
        if record and not record.accepts(look.shown, time.time()):
            # Another thread may have set the next split since.
            look, record = self._sight.look(api), records.remembered(self._directory)
        if record and not record.accepts(look.shown, time.time()):
            raise self._edited(look)
        self._sight.refuse_down(api, look)
        self._agreed = record is not None and look.shown == record.wish
        return split_of(look.shown, look.pools, record.weights if record else ())

    def shown(self) -> Split | None:
        """As `read`, also where somebody edited."""
        look, record = self._sight.look(self.api.begun()), records.remembered(self._directory)
        return split_of(look.shown, look.pools, record.weights if record else ())

    def endpoints(self) -> dict[str, frozenset[Origin]] | None:
        record = records.remembered(self._directory)
        pools = self._sight.pools(self.api.begun())
        if not pools and record is None:
            return None
        sticky, now = self.settings.sticky, time.time()
        found = endpoints_of(pools, sticky.drain if sticky else 0.0, now)
        for version, gone in (record.gone if record else {}).items():
            late = {place_of(one) for one, at in gone.items() if at + self.settings.propagation > now}
            if late:
                found[version] = found.get(version, frozenset()) | late
        return found

    def _edited(self, look: Look) -> Edited:
        self._reported = look.shown
        when = find(look.balancer, "modified_on")
        return Edited(
            f"somebody changed the load balancer {self.settings.balancer} at {when}: it "
            f"{in_words(look.shown, look.pools)}. Undo that in Cloudflare, or abort"
        )

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────

    def apply(self, split: Split, backends: Backends) -> None:
        self._check()
        change = begun(self._directory, self._fence)
        refuse_cohort(split, "Cloudflare")
        if split.header_routes or split.mirror:
            raise AdapterError("Cloudflare neither routes by a header nor mirrors")
        if split.closed and not self.settings.message:
            raise AdapterError("Cloudflare has no maintenance page: set router.maintenance_message")
        refuse_empty(split, backends)
        if self._is_done(split, backends):
            return
        api = self.api.begun()
        look, record = self._sight.look(api, urgent=True), records.remembered(self._directory)
        # What `read` has not reported yet is not overwritten on the way forward.
        is_forward = self._reported != look.shown and len(split.weights) > 1
        if record and not record.accepts(look.shown, time.time()) and (record.is_of(split) or is_forward):
            raise self._edited(look)
        self._done = None
        self._set(api, look, record, split, backends, change)
        self._done = (time.monotonic(), split, {version: tuple(found) for version, found in backends.items()})

    def _is_done(self, split: Split, backends: Backends) -> bool:
        """Whether the look just now showed this, and nothing else was asked for in the last seconds. The engine repeats
        itself at every look while an instance is not healthy."""
        was_agreed, self._agreed = self._agreed, False
        if not was_agreed or self._done is None or time.monotonic() - self._done[0] > _ENOUGH:
            return False
        return self._done[1:] == (split, {version: tuple(found) for version, found in backends.items()})

    def lead(self, split: Split, backends: Backends) -> bool:
        """Set a split without a look at fence, edits and health, for the way back. Returns whether Cloudflare confirms
        it."""
        api = self.api.begun()
        look = self._sight.look(api, urgent=True)
        change = begun(self._directory, self._fence)
        self._set(api, look, records.remembered(self._directory), split, backends, change, at_once=True)
        return self.shown() == split

    def _set(
        self,
        api: CloudflareApi,
        look: Look,
        record: Record | None,
        split: Split,
        backends: Backends,
        change: Change,
        *,
        at_once: bool = False,
    ) -> None:
        """Pools that get users first, then the load balancer, then what is left of other versions."""
        record = record or Record(access=self._access, settings=self.settings)
        original = records.original(self._directory) or _original(look)
        keeper = self._keeper(api, look, recent(record.gone, self.settings.propagation))
        weighted = [] if split.closed else [version for version, _ in split.weights]
        pools = {**look.pools, **{version: keeper.carry(version, backends[version]) for version in weighted}}
        if not at_once:
            keeper.refuse_unseen(
                [pools[version] for version in weighted], {*record.led, *led_in(look.shown, look.pools)}
            )
        content = self._content(look, pools, split, original)
        whole = shown_of({**look.balancer, **content}, self.settings.sticky)
        mine = {pool.id for pool in pools.values()}
        wish = replace(whole, pools=tuple(one for one in whole.pools if one[0] in mine or split.closed))
        record = replace(
            record,
            access=self._access,
            settings=self.settings,
            weights=dict(split.weights),
            closed=split.closed,
            wish=wish,
            before=look.shown,
            confirmed=0.0,
            gone=keeper.gone,
            led=tuple(sorted({*record.led, *led_in(wish, pools)})),
        )
        if differs(look.balancer, content):
            private_folder(self._directory)
            with change.alone(split):
                self._write(api, record, original, look.id, content, whole)
        record = replace(record, confirmed=time.time())
        for version in sorted({*backends, *look.pools} - set(weighted)):
            keeper.keep_or_delete(version, backends.get(version, ()))
        self._sight.forget()
        self._remember(replace(record, gone=keeper.gone), original)

    def _keeper(self, api: CloudflareApi, look: Look, gone: dict[str, dict[str, float]]) -> Keeper:
        named = [str(pool) for pool in list_at(look.balancer, "default_pools")]
        return Keeper(api=api, settings=self.settings, check=self._check, present=look.pools, named=named, gone=gone)

    def _content(self, look: Look, pools: Mapping[str, Pool], split: Split, original: Mapping[str, Json]) -> JsonObject:
        """What the load balancer should say. The pools that served before Pilotage came are left out."""
        settings, content = self.settings, dict[str, Json]()
        if not split.closed:
            weights = {pools[version].id: weight for version, weight in weights_for(split).items()}
            earlier = list_at(original, "default_pools") if original else ()
            others = [pool for pool in list_at(look.balancer, "default_pools") if pool not in earlier]
            base = {**look.balancer, "default_pools": others}
            content.update(led(base, weights, [pool.id for pool in pools.values()]))
            if settings.sticky:
                content.update(sticky_content(look.balancer, settings.sticky))
        rules = rules_for(look.balancer, split, settings.message)
        if rules != (find(look.balancer, "rules") or []):
            content["rules"] = rules
        return content

    def _write(
        self,
        api: CloudflareApi,
        record: Record,
        original: Mapping[str, Json],
        balancer: str,
        content: JsonObject,
        wanted: Shown,
    ) -> None:
        self._remember(record, original)
        answer = api.change_balancer(balancer, content)
        self._sight.forget()
        if (shown := shown_of(answer, self.settings.sticky)) != wanted:
            raise AdapterError(f"Cloudflare took the change of {self.settings.balancer} otherwise: it shows {shown}")

    def stop(self) -> None:
        """The load balancer gets back the pools that it had before Pilotage came."""
        self._check()
        api, original = self.api.begun(), records.original(self._directory)
        look = self._sight.look(api, urgent=True)
        if look.is_ours:
            if not original:
                raise AdapterError(
                    f"the record of what {self.settings.balancer} had before Pilotage is lost: set its pools in "
                    "Cloudflare, then run this again"
                )
            closed = rules_for(look.balancer, Split((("none", 1000),)), "")
            rules: dict[str, Json] = {"rules": closed} if look.shown.closed else {}
            self._check()
            api.change_balancer(look.id, {**original, **rules})
        keeper = self._keeper(api, look, {})
        for pool in look.pools.values():
            keeper.delete(pool)
        self._sight.forget()
        records.forget(self._directory)

    def _check(self) -> None:
        if self._fence:
            self._fence.check()

    def _remember(self, record: Record, original: Mapping[str, Json]) -> None:
        private_folder(self._directory)
        records.remember(self._directory, record, original)


def _original(look: Look) -> Mapping[str, Json]:
    """The properties that Pilotage is about to set, as they are; empty where it set them before."""
    if look.is_ours:
        return {}
    names = ("default_pools", "random_steering", "steering_policy")
    affinity = ("session_affinity", "session_affinity_ttl", "session_affinity_attributes")
    found = {name: find(look.balancer, name) for name in (*names, *affinity)}
    found["random_steering"] = found["random_steering"] or {"default_weight": 1}
    list_at(found, "default_pools")
    return {name: value for name, value in found.items() if value is not None}
