"""What goes wrong at Cloudflare, and what somebody else changes there (R28): found, named, and never overwritten."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pilotage.adapters.ports import AdapterError, Fenced
from pilotage.adapters.routers import cloudflare, cloudflare_record
from pilotage.adapters.routers.cloudflare_adapter import ADAPTER
from pilotage.adapters.routers.found import found_router
from pilotage.model.traffic import Split, split_between
from pilotage.testing import User, Version
from pilotage.testing.harness import wait_until

from ..cloudflare import BALANCERS_EDIT, BALANCERS_READ, NAME, POOLS_EDIT, POOLS_READ, TOKEN, Cloudflare, version_of
from .test_cloudflare import ONE, CloudflareUnderTest
from .test_cloudflare import routed as routed
from .test_cloudflare import there as there

Versions = Callable[[str], Version]
MONITOR = "d" * 32
HALF = split_between("2.0", 500, "1.0")


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_TOKEN", TOKEN)


def _two(versions: Versions) -> dict[str, list[tuple[str, int]]]:
    return {name: [versions(name).address] for name in ("1.0", "2.0")}


# ── what is not ours ───────────────────────────────────────────────────────────────────────────────────────


def test_what_is_not_ours_stays_and_stop_gives_everything_back(
    there: Cloudflare, tmp_path: Path, versions: Versions
) -> None:
    there.create_pool({"name": "blog", "origins": [there.origin("9.9.9.9", 80)]})
    rule = {"name": "old", "condition": 'http.host eq "x"', "fixed_response": {"status_code": 410}, "disabled": False}
    there.rules_allowed = 2
    there.edit(rules=[rule], region_pools={"WEU": [there.theirs]})
    theirs = {pool["id"]: copy.deepcopy(pool) for pool in there.pools.values()}
    before = copy.deepcopy(there.balancer)
    routed = CloudflareUnderTest(there, tmp_path, sticky={}, maintenance_message="closed")
    routed.take(HALF, _two(versions))
    kept = ("description", "ttl", "proxied", "enabled", "fallback_pool", "region_pools", "adaptive_routing", "rules")
    assert {name: there.balancer[name] for name in kept} == {name: before[name] for name in kept}
    routed.take(Split((("1.0", 1000),), closed=True), {"1.0": []})
    assert there.balancer["rules"][1:] == [rule]
    assert routed.answer("/x").status == 503
    routed.take(HALF, _two(versions))
    assert there.balancer["rules"] == [rule]
    routed.router.stop()
    changed = {name for name in {*before, *there.balancer} if before.get(name) != there.balancer.get(name)}
    unused = {"random_steering", "session_affinity_ttl", "session_affinity_attributes"}
    assert changed <= {"modified_on", *unused}, "more is left than what is off"
    assert there.pools == theirs


def test_each_call_is_one_that_is_needed(there: Cloudflare, routed: CloudflareUnderTest, versions: Versions) -> None:
    """A token has 1,200 calls in five minutes: a look at what has not changed costs one, and nothing is written."""
    backends = _two(versions)
    routed.take(HALF, backends)
    routed.router.read()
    there.asked.clear()
    assert (routed.router.read(), routed.router.endpoints()) == (HALF, {k: frozenset(v) for k, v in backends.items()})
    assert [call.partition(" ")[0] for call in there.asked] == ["GET"]
    there.asked.clear()
    routed.router.apply(HALF, backends)
    assert not there.asked, "a repetition of what the look just now showed"
    routed.router.apply(HALF, backends)
    assert {call.partition(" ")[0] for call in there.asked} == {"GET"}


# ── somebody's edit ────────────────────────────────────────────────────────────────────────────────────────


def test_somebodys_edit_is_named_kept_by_a_repetition_and_overruled_by_the_way_back(
    there: Cloudflare, routed: CloudflareUnderTest, versions: Versions
) -> None:
    backends = _two(versions)
    routed.take(HALF, backends)
    old, new = (next(p["id"] for p in there.pools.values() if version_of(p) == v) for v in ("1.0", "2.0"))
    there.edit(random_steering={"default_weight": 1, "pool_weights": {old: 0.9, new: 0.1}})
    edited = copy.deepcopy(there.balancer)
    day = edited["modified_on"][:10]
    said = rf"somebody changed the load balancer {NAME} at {day}.*weights are 90 to 1\.0, 10 to 2\.0"
    with pytest.raises(AdapterError, match=said):
        routed.again().read()
    with pytest.raises(AdapterError, match=said):
        routed.again().apply(HALF, backends)
    assert there.balancer == edited
    routed.router.apply(ONE, backends)
    assert routed.again().read() == ONE
    assert {routed.ask(user=f"u{n}") for n in range(20)} == {"1.0"}


def test_an_edit_that_nobody_was_told_of_is_not_overwritten_on_the_way_forward(
    there: Cloudflare, routed: CloudflareUnderTest, versions: Versions
) -> None:
    """It may come between the look and the change that follows it."""
    backends = _two(versions)
    routed.take(HALF, backends)
    there.edit(steering_policy="off")
    with pytest.raises(AdapterError, match="steers by off"):
        routed.router.apply(split_between("2.0", 750, "1.0"), backends)
    assert there.balancer["steering_policy"] == "off"
    there.edit(steering_policy="random")
    assert routed.router.read() == HALF


@pytest.mark.parametrize(
    "edit", [{"enabled": False}, {"steering_policy": "geo"}, {"session_affinity": "none"}], ids=lambda edit: min(edit)
)
def test_whatever_decides_where_users_get_to_is_an_edit(
    edit: dict[str, object], there: Cloudflare, tmp_path: Path, versions: Versions
) -> None:
    routed = CloudflareUnderTest(there, tmp_path, sticky={})
    routed.take(HALF, _two(versions))
    there.edit(description="a new description", ttl=60)
    assert routed.router.read() == HALF
    there.edit(**edit)
    with pytest.raises(AdapterError, match="somebody changed the load balancer"):
        routed.router.read()


def test_a_pool_that_somebody_added_is_named_and_stays_on_the_way_back(
    there: Cloudflare, routed: CloudflareUnderTest, versions: Versions
) -> None:
    backends = _two(versions)
    routed.take(HALF, backends)
    guest = there.create_pool({"name": "guest", "origins": [there.origin("9.9.9.9", 80)]})["id"]
    there.edit(default_pools=[*there.balancer["default_pools"], guest])
    with pytest.raises(AdapterError, match=f"100 to pool {guest}"):
        routed.router.read()
    routed.router.apply(ONE, backends)
    assert there.balancer["default_pools"][1:] == [guest]
    with pytest.raises(AdapterError, match=rf"100 to 1\.0, 100 to pool {guest}"):
        routed.router.read()
    there.edit(default_pools=there.balancer["default_pools"][:1])
    assert routed.router.read() == ONE


def test_an_instance_that_somebody_disabled_stays_disabled(
    there: Cloudflare, routed: CloudflareUnderTest, versions: Versions
) -> None:
    one, two = versions("1.0"), versions("1.0")
    routed.take(ONE, {"1.0": [one.address, two.address]})
    (pool,) = [found for found in there.pools.values() if version_of(found) == "1.0"]
    pool["origins"][0]["enabled"] = False
    router = routed.again()
    router.apply(split_between("2.0", 10, "1.0"), {"1.0": [one.address, two.address], "2.0": [versions("2").address]})
    assert (router.endpoints() or {})["1.0"] == {two.address}


def test_what_cloudflare_took_otherwise_is_an_error(
    there: Cloudflare, routed: CloudflareUnderTest, versions: Versions
) -> None:
    """Observed, not assumed: an answer of 200 is no proof."""
    routed.take(ONE, backends := _two(versions))
    there.ignore = ("random_steering", "default_pools")
    with pytest.raises(AdapterError, match=r"took the change of shop\.example\.org otherwise"):
        routed.router.apply(HALF, backends)
    assert routed.router.read() == ONE
    there.ignore = ()
    routed.take(HALF, backends)


# ── Cloudflare in trouble ──────────────────────────────────────────────────────────────────────────────────


def test_a_throttled_token_is_not_used_to_read_and_traffic_leaves_harm_all_the_same(
    there: Cloudflare, routed: CloudflareUnderTest, versions: Versions
) -> None:
    backends = _two(versions)
    routed.take(HALF, backends)
    there.throttle(120)
    with pytest.raises(AdapterError, match=r"throttles this token for 12\d s"):
        routed.router.read()
    there.asked.clear()
    with pytest.raises(AdapterError, match=r"throttles this token for another 1[12]\d s"):
        routed.router.read()
    assert not there.asked, "a look does not ask in vain"
    there.throttle(0)
    routed.router.apply(ONE, backends)
    assert routed.again().read() == ONE


@pytest.mark.parametrize(("status", "said"), [(503, "503: service unavailable"), (500, "500"), (409, "409")])
def test_other_answers_are_errors_in_one_line(
    status: int, said: str, there: Cloudflare, routed: CloudflareUnderTest, versions: Versions
) -> None:
    routed.take(ONE, backends := _two(versions))
    there.refuse = [status]
    with pytest.raises(AdapterError, match=said) as error:
        routed.again().read()
    assert "\n" not in str(error.value)
    there.refuse = [200, 200, status]
    with pytest.raises(AdapterError, match=said):
        routed.router.apply(HALF, backends)
    assert routed.again().read() == ONE
    routed.take(HALF, backends)


def test_a_slow_api_is_an_error_within_the_deadline_of_a_look(
    there: Cloudflare, routed: CloudflareUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pilotage.adapters.cloudflare_api._CALL", 0.2)
    there.slow = 2.0
    with pytest.raises(AdapterError, match=r"no complete response within 0\.2 s"):
        routed.router.read()


@pytest.mark.parametrize("done", [False, True], ids=["not sent", "answer lost"])
@pytest.mark.parametrize("calls", range(1, 9))
def test_a_crash_between_any_two_calls_ends_right(
    calls: int, done: bool, there: Cloudflare, routed: CloudflareUnderTest, versions: Versions
) -> None:
    """Each time from the second version's first instance to the end of the first version."""
    backends = _two(versions)
    routed.take(ONE, {"1.0": backends["1.0"]})
    last, new = Split((("2.0", 1000),)), {"2.0": backends["2.0"]}

    def until_killed() -> bool:
        there.refuse, there.loses_answers = [*[200] * calls, *[599] * 20], done
        try:
            routed.again().apply(HALF, backends)
            routed.again().apply(last, new)
        except AdapterError:
            return False
        finally:
            there.refuse = []
        return True

    until_killed()
    again = routed.again()
    assert again.read() in (ONE, HALF, last)
    again.apply(HALF, backends)
    again.apply(last, new)
    assert (again.read(), again.endpoints()) == (last, {"2.0": frozenset(backends["2.0"])})
    assert sorted(map(version_of, there.pools.values())) == ["2.0", "theirs"], "no pool is made twice, none is left"


def test_a_controller_that_is_replaced_in_the_middle_writes_nothing_more(
    there: Cloudflare, routed: CloudflareUnderTest, versions: Versions
) -> None:
    backends = _two(versions)
    routed.take(ONE, {"1.0": backends["1.0"]})

    def replaced(call: str) -> None:
        if call.startswith("POST"):
            routed.context(token=2).fence.check()

    there.after = replaced
    with pytest.raises(Fenced):
        routed.router.apply(HALF, backends)
    there.after = lambda _: None
    assert [call for call in there.asked if call.startswith("PATCH")][1:] == []
    assert routed.again(2).read() == ONE


def test_lost_files_change_nothing_and_what_was_there_before_is_then_asked_for(
    there: Cloudflare, routed: CloudflareUnderTest, versions: Versions, tmp_path: Path
) -> None:
    routed.take(HALF, backends := _two(versions))
    (tmp_path / "router" / cloudflare_record.RECORD).unlink()
    assert routed.again().read() == HALF
    again = routed.again()
    again.apply(ONE, backends)
    assert again.read() == ONE
    with pytest.raises(AdapterError, match="set its pools in Cloudflare, then run this again"):
        again.stop()
    there.edit(default_pools=[there.theirs], random_steering={}, steering_policy="off")
    again.stop()
    assert [version_of(pool) for pool in there.pools.values()] == ["theirs"]


# ── health, drain, data centers ────────────────────────────────────────────────────────────────────────────


def test_a_new_version_gets_no_user_before_cloudflare_sees_it_healthy_and_the_way_back_waits_for_nothing(
    there: Cloudflare, tmp_path: Path, versions: Versions
) -> None:
    routed = CloudflareUnderTest(there, tmp_path, monitor=MONITOR)
    backends, last = _two(versions), Split((("2.0", 1000),))
    routed.take(ONE, backends)
    new = next(pool["id"] for pool in there.pools.values() if version_of(pool) == "2.0")
    for seen, said in ((None, "not checked yet"), (False, "healthy in 0 of 1 regions")):
        there.health[new] = seen
        with pytest.raises(AdapterError, match=rf"sends no users to 2\.0: its instances are {said}"):
            routed.router.apply(last, backends)
        assert routed.router.read() == ONE
    there.health[new] = True
    routed.take(last, backends)
    old = next(pool["id"] for pool in there.pools.values() if version_of(pool) == "1.0")
    there.health[old] = False
    routed.router.apply(ONE, backends)
    assert there.weights() == {"1.0": 1}


def test_r13_a_pool_that_is_down_has_no_users_whatever_its_weight_and_the_look_says_so(
    there: Cloudflare, tmp_path: Path, versions: Versions
) -> None:
    """Cloudflare sends its users to the others: all of them would get the canary."""
    routed = CloudflareUnderTest(there, tmp_path, monitor=MONITOR)
    backends = _two(versions)
    routed.take(ONE, backends)
    routed.take(HALF, backends)
    old = next(pool["id"] for pool in there.pools.values() if version_of(pool) == "1.0")
    there.health[old] = False
    assert {routed.ask(user=f"u{n}") for n in range(12)} == {"2.0"}
    with pytest.raises(AdapterError, match=r"not split by the weights: 1\.0 is healthy in 0 of 1 regions"):
        routed.again().read()
    there.health[old] = True
    assert routed.again().read() == HALF


def test_a_canary_of_no_weight_loses_its_sticky_users_at_once(
    there: Cloudflare, tmp_path: Path, versions: Versions
) -> None:
    routed = CloudflareUnderTest(there, tmp_path, sticky={})
    routed.take(HALF, backends := _two(versions))
    users = [User(routed) for _ in range(12)]
    assert {user.ask() for user in users} == {"1.0", "2.0"}
    routed.take(ONE, backends)
    assert {user.ask() for user in users} == {"1.0"}


def test_users_of_an_instance_that_leaves_stay_until_its_drain_is_over(
    there: Cloudflare, tmp_path: Path, versions: Versions
) -> None:
    routed = CloudflareUnderTest(there, tmp_path, sticky={"drain": "10m"})
    one, two = versions("1.0"), versions("1.0")
    routed.take(ONE, {"1.0": [one.address, two.address]})
    users = [User(routed) for _ in range(16)]
    for user in users:
        user.ask()
    assert 0 not in (one.served, two.served)
    both = {"1.0": frozenset({one.address, two.address})}
    routed.router.apply(ONE, {"1.0": [two.address]})
    assert routed.again().endpoints() == both, "its users are still there"
    served = one.served
    for user in users:
        user.ask()
    assert one.served > served
    (pool,) = [found for found in there.pools.values() if version_of(found) == "1.0"]
    pool["origins"][0]["disabled_at"] = "2026-01-01T00:00:00Z"  # ten minutes later, as Cloudflare would say
    assert routed.again().endpoints() == {"1.0": frozenset({two.address})}
    served = one.served
    for user in users:
        user.ask()
    assert one.served == served
    router = routed.again()
    router.apply(ONE, {"1.0": [two.address, one.address]})
    assert router.endpoints() == both, "who comes back is enabled again"


def test_an_instance_is_kept_until_every_data_center_knows_that_it_left(
    there: Cloudflare, tmp_path: Path, versions: Versions
) -> None:
    routed = CloudflareUnderTest(there, tmp_path, propagation="3s")
    there.propagation = 1.0
    backends = _two(versions)
    routed.router.apply(ONE, {"1.0": backends["1.0"]})
    routed.router.apply(HALF, backends)
    routed.router.apply(Split((("2.0", 1000),)), {"2.0": backends["2.0"]})
    kept = routed.again().endpoints()
    assert kept == {name: frozenset(found) for name, found in backends.items()}
    wait_until(lambda: {routed.ask(user=f"u{n}") for n in range(9)} == {"2.0"}, what="the edge never hears of it")
    wait_until(lambda: routed.router.endpoints() == {"2.0": frozenset(backends["2.0"])}, what="it is kept for ever")


def test_hosts_have_the_names_by_which_cloudflare_knows_them(there: Cloudflare, tmp_path: Path) -> None:
    routed = CloudflareUnderTest(
        there, tmp_path, virtual_network=None, addresses={"10.0.0.5": "web1.example.org"}, host_header="shop.internal"
    )
    with pytest.raises(AdapterError, match=r"400: validation failed: virtual_network_id is required"):
        routed.router.apply(ONE, {"1.0": [("10.0.0.6", 8080)]})
    routed.router.apply(ONE, {"1.0": [("10.0.0.5", 8080)]})
    (pool,) = [found for found in there.pools.values() if version_of(found) == "1.0"]
    assert [(o["address"], o["port"], o["header"]) for o in pool["origins"]] == [
        ("web1.example.org", 8080, {"Host": ["shop.internal"]})
    ]
    assert routed.router.endpoints() == {"1.0": frozenset({("10.0.0.5", 8080)})}


# ── the token, doctor, and the way back without a store ────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("granted", "permission"),
    [
        ({POOLS_EDIT, BALANCERS_READ}, "Zone > Load Balancers > Edit"),
        ({POOLS_READ, BALANCERS_EDIT}, "Account > Load Balancing: Monitors and Pools > Edit"),
    ],
)
def test_a_permission_that_the_token_lacks_is_named(
    granted: set[str], permission: str, there: Cloudflare, routed: CloudflareUnderTest, versions: Versions
) -> None:
    there.tokens[TOKEN] = frozenset(granted)
    assert ADAPTER.examine
    found = list(ADAPTER.examine(routed.section, routed.context()))
    (lacking,) = [finding.sentence for finding in found if finding.result == "FAIL"]
    assert lacking == f"lacks the permission {permission}: add it to the token"
    with pytest.raises(AdapterError, match=permission):
        routed.router.apply(ONE, _two(versions))


def test_doctor_says_what_cloudflare_has(
    there: Cloudflare, tmp_path: Path, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    routed = CloudflareUnderTest(there, tmp_path, monitor=MONITOR)
    routed.take(ONE, {"1.0": [versions("1.0").address]})
    assert ADAPTER.examine
    asked = len(there.asked)
    found = list(ADAPTER.examine(routed.section, routed.context()))
    assert [finding.result for finding in found] == ["PASS"] * 5
    assert not [call for call in there.asked[asked:] if call.startswith(("POST", "DELETE"))]
    there.edit(proxied=False, rules=[{"name": "theirs", "condition": "true"}])
    there.health[next(p["id"] for p in there.pools.values() if p["name"].startswith("pilotage-"))] = False
    said = {f"{one.result} {one.sentence}" for one in ADAPTER.examine(routed.section, routed.context())}
    assert any(one.startswith("FAIL is not proxied") for one in said)
    assert any(one.startswith("WARN has custom rules") for one in said)
    assert any(one.startswith("WARN is not healthy in 1 of 1 regions, such as Amsterdam, NL") for one in said)
    there.status = "expired"
    (first, *_) = ADAPTER.examine(routed.section, routed.context())
    assert (first.result, first.sentence) == ("FAIL", "expired: make a new one")
    monkeypatch.setenv("CLOUDFLARE_TOKEN", "")
    (only,) = ADAPTER.examine(routed.section, routed.context())
    assert (only.result, TOKEN in only.sentence) == ("FAIL", False)


def test_the_token_is_written_nowhere(routed: CloudflareUnderTest, versions: Versions, tmp_path: Path) -> None:
    routed.take(ONE, _two(versions))
    assert TOKEN not in repr(vars(routed.router)) + repr(routed.section)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and TOKEN in path.read_text()]


def test_users_are_led_back_by_the_folder_alone(
    there: Cloudflare, routed: CloudflareUnderTest, versions: Versions, tmp_path: Path
) -> None:
    """`abort --offline` has neither store nor configuration (R15), and no edit of somebody stands in its way."""
    backends = _two(versions)
    routed.take(split_between("2.0", 400, "1.0"), backends)
    there.edit(steering_policy="off")
    found = found_router(tmp_path / "router")
    assert found
    assert (found.runs(), found.died()) == (False, False)
    assert list(found.addresses("1.0")) == backends["1.0"]
    assert found.lead_all("1.0", backends["1.0"])
    assert (found.split(), routed.again().read()) == (ONE, ONE)
    assert not found.stop(1.0)
    assert there.balancer["default_pools"] == [there.theirs]
    assert found_router(tmp_path / "router") is None


def test_without_its_token_the_last_split_is_still_known(
    routed: CloudflareUnderTest, versions: Versions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    routed.take(HALF, backends := _two(versions))
    monkeypatch.delenv("CLOUDFLARE_TOKEN")
    found = found_router(tmp_path / "router")
    assert found
    assert (found.runs(), found.split(), list(found.addresses("1.0"))) == (False, HALF, [])
    with pytest.raises(AdapterError, match="CLOUDFLARE_TOKEN holds nothing"):
        found.lead_all("1.0", backends["1.0"])


def test_answers_of_others_are_bounded_and_foreign(there: Cloudflare, routed: CloudflareUnderTest) -> None:
    for broken in ({"default_pools": "x"}, {"random_steering": {"pool_weights": {"a": "b"}}}, {"default_pools": [7]}):
        before = copy.deepcopy(there.balancer)
        there.balancer.update(broken)
        with pytest.raises(AdapterError, match="cannot be read"):
            routed.again().read()
        there.balancer.clear()
        there.balancers[before["id"]] = before
    there.balancers.clear()
    with pytest.raises(AdapterError, match=r"has no load balancer shop\.example\.org: create it in Cloudflare first"):
        routed.router.read()


def test_a_record_says_nothing_that_json_does_not(
    routed: CloudflareUnderTest, versions: Versions, tmp_path: Path
) -> None:
    """The next version of Pilotage reads it, or does without it."""
    routed.take(HALF, _two(versions))
    file = tmp_path / "router" / cloudflare_record.RECORD
    record = cloudflare_record.remembered(tmp_path / "router")
    assert record
    assert record.is_of(HALF)
    file.write_text(json.dumps({**json.loads(file.read_text()), "settings": 7}))
    assert cloudflare_record.remembered(tmp_path / "router") is None
    assert found_router(tmp_path / "router") is None
    assert isinstance(routed.again(), cloudflare.CloudflareRouter)
    assert routed.again().read() == HALF


# ── pools that a person named ──────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def named(there: Cloudflare, tmp_path: Path) -> CloudflareUnderTest:
    for name in ("shop-blue", "shop-green"):
        there.create_pool(
            {"name": name, "description": "of terraform", "monitor": MONITOR, "origins": [there.origin("9.9.9.9", 80)]}
        )
    return CloudflareUnderTest(there, tmp_path, pools=["shop-blue", "shop-green"])


def _named(there: Cloudflare) -> dict[str, str]:
    return {str(pool["name"]): str(pool["description"]) for pool in there.pools.values() if pool["name"] != "theirs"}


def test_pools_that_a_person_named_are_used_in_turn_and_given_back(
    there: Cloudflare, named: CloudflareUnderTest, versions: Versions
) -> None:
    backends = {**_two(versions), "3.0": [versions("3.0").address]}
    named.take(ONE, {"1.0": backends["1.0"]})
    assert _named(there) == {"shop-blue": "of terraform Pilotage shop/live: 1.0", "shop-green": "of terraform"}
    named.take(HALF, {name: backends[name] for name in ("1.0", "2.0")})
    assert named.can.versions == 2
    with pytest.raises(AdapterError, match=r"no pool is free for 3\.0: add another one to router\.pools"):
        named.router.apply(split_between("3.0", 500, "2.0"), backends)
    named.router.apply(Split((("2.0", 1000),)), {"2.0": backends["2.0"]})
    assert _named(there)["shop-blue"] == "of terraform"
    blue = next(pool for pool in there.pools.values() if pool["name"] == "shop-blue")
    there.health[blue["id"]] = None
    last = {name: backends[name] for name in ("2.0", "3.0")}
    with pytest.raises(AdapterError, match=r"sends no users to 3\.0: its instances are not checked yet"):
        named.router.apply(split_between("3.0", 100, "2.0"), last)
    there.health[blue["id"]] = True
    named.take(split_between("3.0", 100, "2.0"), last)
    assert blue["description"] == "of terraform Pilotage shop/live: 3.0"
    assert blue["monitor"] == MONITOR
    named.router.stop()
    assert set(_named(there).values()) == {"of terraform"}
    assert there.balancer["default_pools"] == [there.theirs]


def test_a_named_pool_that_serves_users_of_somebody_is_not_taken(
    there: Cloudflare, named: CloudflareUnderTest, versions: Versions
) -> None:
    blue = next(pool["id"] for pool in there.pools.values() if pool["name"] == "shop-blue")
    there.edit(default_pools=[blue])
    named.router.apply(ONE, {"1.0": [versions("1.0").address]})
    assert _named(there) == {"shop-blue": "of terraform", "shop-green": "of terraform Pilotage shop/live: 1.0"}
    named.router.stop()
    there.pools.pop(next(pool["id"] for pool in there.pools.values() if pool["name"] == "shop-green"))
    with pytest.raises(AdapterError, match=r"the account has no pool shop-green"):
        named.router.apply(ONE, {"1.0": [versions("1.0").address]})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"pools": ["one"]}, "two different pools"),
        ({"pools": ["a", "a"]}, "two different pools"),
        ({"pools": ["a", "b"], "monitor": MONITOR}, "pools names yours"),
        ({"addresses": {"10.0.0.1": "web", "10.0.0.2": "web"}}, "same address"),
        ({"token": "cf-secret"}, "token"),
        ({"maintenance_message": "x" * 1025}, "at most 1024"),
    ],
)
def test_a_section_that_contradicts_itself_is_refused(wrong: dict[str, object], said: str, there: Cloudflare) -> None:
    with pytest.raises(ValueError, match=said):
        ADAPTER.section.model_validate(there.section(**wrong))
