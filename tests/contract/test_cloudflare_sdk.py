"""The stand-in of Cloudflare before Cloudflare's own SDK: it takes each request that the SDK builds, and answers what
the SDK reads strictly (R28). What Pilotage sends, the SDK sends as well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pilotage.model.traffic import Split, split_between

from ..cloudflare import ACCOUNT, NAME, NETWORK, TOKEN, ZONE, Cloudflare, cloudflare_running, version_of
from .test_cloudflare import CloudflareUnderTest

if TYPE_CHECKING:
    from cloudflare.types.load_balancers import LoadBalancer, Pool

    from cloudflare import Cloudflare as Sdk


@pytest.fixture
def there() -> Iterator[Cloudflare]:
    with cloudflare_running() as server:
        yield server


@pytest.fixture
def sdk(there: Cloudflare) -> Sdk:
    return _sdk(there, TOKEN)


def _sdk(there: Cloudflare, token: str) -> Sdk:
    from cloudflare import Cloudflare as Sdk  # a second of imports, which collecting tests need not pay

    return Sdk(base_url=there.base, api_token=token, max_retries=0, _strict_response_validation=True)


def test_it_answers_each_call_of_the_sdk(sdk: Sdk) -> None:
    import cloudflare

    origin: Any = {
        "name": "a:8080", "address": "10.0.0.5", "port": 8080, "enabled": True, "weight": 0.5,
        "virtual_network_id": NETWORK, "header": {"Host": ["shop.example.org"]},
    }  # fmt: skip
    pools = sdk.load_balancers.pools
    made = pools.create(account_id=ACCOUNT, name="blue", origins=[origin], description="of the test", monitor="d" * 32)
    assert made.id
    assert [pool.name for pool in pools.list(account_id=ACCOUNT)] == ["theirs", "blue"]
    changed = pools.edit(made.id, account_id=ACCOUNT, origins=[origin | {"enabled": False}])
    assert changed.origins
    assert changed.origins[0].disabled_at
    assert pools.get(made.id, account_id=ACCOUNT).origins == changed.origins
    assert pools.health.get(made.id, account_id=ACCOUNT) is not None
    balancers = sdk.load_balancers
    (mine,) = balancers.list(zone_id=ZONE)
    assert mine.id
    taken = balancers.edit(
        mine.id, zone_id=ZONE, default_pools=[made.id], steering_policy="random", session_affinity="cookie",
        session_affinity_ttl=3600, session_affinity_attributes={"drain_duration": 60},
        random_steering={"default_weight": 0.2, "pool_weights": {made.id: 0.25}},
        rules=[{"name": "closed", "condition": "", "fixed_response": {"status_code": 503, "message_body": "closed"}}],
    )  # fmt: skip
    assert taken.default_pools == [made.id]
    assert balancers.get(mine.id, zone_id=ZONE) == taken
    with pytest.raises(cloudflare.APIStatusError, match=r"'code': 1005"):
        pools.delete(made.id, account_id=ACCOUNT)
    status = sdk.user.tokens.verify()
    assert status
    assert status.status == "active"


def test_it_refuses_as_cloudflare_does(there: Cloudflare, sdk: Sdk) -> None:
    import cloudflare

    pools = sdk.load_balancers.pools
    with pytest.raises(cloudflare.BadRequestError, match="origins is invalid"):
        pools.create(account_id=ACCOUNT, name="blue", origins=[])
    with pytest.raises(cloudflare.BadRequestError, match="value not unique"):
        pools.create(account_id=ACCOUNT, name="theirs", origins=[{"name": "a", "address": "9.9.9.9"}])
    with pytest.raises(cloudflare.NotFoundError):
        pools.get("f" * 32, account_id=ACCOUNT)
    with pytest.raises(cloudflare.AuthenticationError):
        _sdk(there, "another").user.tokens.verify()
    there.tokens["reader"] = frozenset({"pools:read"})
    with pytest.raises(cloudflare.PermissionDeniedError, match="10000"):
        _sdk(there, "reader").load_balancers.list(zone_id=ZONE)
    there.throttle(30)
    with pytest.raises(cloudflare.RateLimitError) as refused:
        pools.list(account_id=ACCOUNT)
    assert int(refused.value.response.headers["retry-after"]) <= 31


def test_the_sdk_reads_what_pilotage_set(
    there: Cloudflare, sdk: Sdk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDFLARE_TOKEN", TOKEN)
    routed = CloudflareUnderTest(there, tmp_path, sticky={"ttl": "1h", "drain": "30s"}, maintenance_message="closed")
    backends = {"1.0": [("10.0.0.5", 8001)], "2.0": [("10.0.0.5", 8002)]}
    routed.take(split_between("2.0", 250, "1.0"), backends)
    (balancer,) = sdk.load_balancers.list(zone_id=ZONE)
    found = {pool.id: pool for pool in sdk.load_balancers.pools.list(account_id=ACCOUNT)}
    assert _weights(balancer, found) == {"1.0": 0.75, "2.0": 0.25}
    assert balancer.session_affinity_attributes
    assert (balancer.session_affinity, balancer.session_affinity_attributes.drain_duration) == ("cookie", 30)
    routed.take(Split((("2.0", 1000),), closed=True), backends)
    (balancer,) = sdk.load_balancers.list(zone_id=ZONE)
    assert balancer.name == NAME
    assert balancer.rules
    assert balancer.rules[0].fixed_response
    assert balancer.rules[0].fixed_response.message_body == "closed"


def _weights(balancer: LoadBalancer, found: dict[str | None, Pool]) -> dict[str, float]:
    assert balancer.random_steering
    given = balancer.random_steering.pool_weights or {}
    named = {pool: version_of(found[pool].model_dump()) for pool in balancer.default_pools or []}
    return {version: given[pool] for pool, version in named.items()}
