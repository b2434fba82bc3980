"""What `pilotage doctor` finds at Cloudflare: the token and its permissions, the load balancer, the health of pools.

To find out whether the token may change something, Pilotage asks to change an object that does not exist: Cloudflare
checks the permission first, and answers that there is none.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from contextlib import suppress

from pilotage.adapters.cloudflare_api import BALANCERS_SCOPE, POOLS_SCOPE, CloudflareApi, Missing
from pilotage.adapters.context import Context
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.cloudflare_adapter import CloudflareRouterSection, opened
from pilotage.adapters.routers.cloudflare_state import pools_of
from pilotage.model.finding import Finding
from pilotage.model.json import JsonObject, find

_NOBODY = "0" * 32
"""An id that no object has."""


def examined(section: CloudflareRouterSection, context: Context) -> Iterator[Finding]:
    router = opened(section, context)
    api = router.api.begun()
    try:
        status = api.verify()
        good = status == "active"
        yield Finding("PASS" if good else "FAIL", "Cloudflare's token", status if good else f"{status}: make a new one")
    except AdapterError as error:
        yield Finding("FAIL", "Cloudflare's token", f"{error}: check {section.token}")
        return
    may_change = [
        *_permission(BALANCERS_SCOPE, lambda: api.change_balancer(_NOBODY, {})),
        *_permission(POOLS_SCOPE, lambda: api.change_pool(_NOBODY, {})),
    ]
    yield from may_change
    if any(finding.result == "FAIL" for finding in may_change):
        return
    try:
        balancer, pools = api.balancer(section.load_balancer), api.pools()
        yield from _of_balancer(balancer, section)
        yield from _of_pools(api, section, [pool.raw for pool in pools_of(pools, router.settings).values()])
    except AdapterError as error:
        yield Finding("FAIL", "Cloudflare", str(error))


def _permission(scope: str, change: Callable[[], JsonObject]) -> Iterator[Finding]:
    try:
        with suppress(Missing):
            change()
        yield Finding("PASS", "Cloudflare's token", f"has {scope}")
    except AdapterError as error:
        if scope in str(error):
            yield Finding("FAIL", "Cloudflare's token", f"lacks the permission {scope}: add it to the token")


def _of_balancer(balancer: JsonObject, section: CloudflareRouterSection) -> Iterator[Finding]:
    what = f"load balancer {section.load_balancer}"
    if find(balancer, "proxied") is not True:
        yield Finding("FAIL", what, "is not proxied: session affinity and an immediate switch need proxy mode")
    elif find(balancer, "enabled") is False:
        yield Finding("FAIL", what, "is disabled: enable it in Cloudflare")
    else:
        yield Finding("PASS", what, "is there, proxied and enabled")
    for name, words in (
        ("pool_sets", "has pool sets: users that they match get to none of Pilotage's pools"),
        ("rules", "has custom rules: users for whom they choose pools get to none of Pilotage's"),
        ("region_pools", "has region pools, which do not count while Pilotage steers by weights"),
    ):
        mine = str(find(balancer, name, 0, "name")).startswith("pilotage closed ")
        if find(balancer, name) and not mine:
            yield Finding("WARN", what, words)


def _of_pools(api: CloudflareApi, section: CloudflareRouterSection, pools: list[JsonObject]) -> Iterator[Finding]:
    for pool in pools:
        what = f"pool {find(pool, 'name')}"
        addresses = [str(find(origin, "address")) for origin in _list(find(pool, "origins"))]
        if (private := [one for one in addresses if _is_private(one)]) and not section.virtual_network:
            yield Finding(
                "FAIL", what, f"{private[0]} cannot be reached from Cloudflare: set virtual_network or addresses"
            )
        if not find(pool, "monitor"):
            yield Finding("WARN", what, "has no monitor: Cloudflare also sends users to an instance that is down")
            continue
        regions = api.health(str(find(pool, "id")))
        ill = [region for region, told in regions.items() if find(told, "healthy") is not True]
        if not regions:
            yield Finding("WARN", what, "was not checked by Cloudflare yet")
        elif ill:
            yield Finding("WARN", what, f"is not healthy in {len(ill)} of {len(regions)} regions, such as {ill[0]:.60}")
        else:
            yield Finding("PASS", what, f"is healthy in {len(regions)} regions")


def _list(found: object) -> list[object]:
    return found if isinstance(found, list) else []


def _is_private(address: str) -> bool:
    try:
        return not ipaddress.ip_address(address).is_global
    except ValueError:
        return address == "localhost"
