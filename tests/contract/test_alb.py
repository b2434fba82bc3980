"""The router `alb` before a load balancer of AWS: the whole contract, and what only it promises (R28)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pilotage.adapters.aws import forget
from pilotage.adapters.fence import Fence
from pilotage.adapters.ports import AdapterError, Fenced
from pilotage.adapters.routers import alb, alb_targets
from pilotage.adapters.routers.alb_adapter import ADAPTER
from pilotage.adapters.routers.found import found_router
from pilotage.model.finding import Finding
from pilotage.model.traffic import HeaderRoute, Mirror, Split, split_between
from pilotage.testing import User, Version, wait_until
from pilotage.testing.contracts.router import RouterContract

from ..alb import SECRETS, Cloud, Target
from ..alb_traffic import Balancer, weights_of
from .aws import AlbUnderTest

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("aws")]
Versions = Callable[[str], Version]
ONE = Split((("1.0", 1000),))
NETWORK = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/net/shop/1/3"
RULE = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener-rule/app/shop/1/3/4"


@pytest.fixture
def routed(tmp_path: Path, cloud: Cloud) -> Iterator[AlbUnderTest]:
    under_test = AlbUnderTest(tmp_path, cloud, sticky={"duration": "1h"})
    yield under_test
    under_test.balancer.end()


class TestAlb(RouterContract):
    """What holds for every router (R28); below is what only this one promises."""

    releases = 3


def halves(routed: AlbUnderTest, versions: Versions) -> tuple[Split, dict[str, list[tuple[str, int]]]]:
    split = split_between("2.0", 300, "1.0", (HeaderRoute("X-Release", "canary", "2.0"),))
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    routed.take(split, backends)
    return split, backends


def writes(cloud: Cloud) -> list[str]:
    """Actions that changed something, in order."""
    asked = [call.partition(":")[2] for call in cloud.calls]
    return [action for action in asked if not action.startswith(("Describe", "Get"))]


def shown(routed: AlbUnderTest) -> list[dict[str, Any]]:
    return [{**rule, "Actions": str(rule["Actions"])} for rule in routed.balancer.shown()]


# ── what other people own ──────────────────────────────────────────────────────────────────────────────────


def test_users_keep_their_old_servers_until_new_targets_are_healthy(
    tmp_path: Path, cloud: Cloud, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first split waits for the load balancer's own health checks; a new group is like the old one."""
    old, new = versions("legacy"), versions("1.0")
    routed = AlbUnderTest(tmp_path, cloud)
    routed.balancer.elbv2.modify_target_group_attributes(
        TargetGroupArn=routed.balancer.legacy, Attributes=[{"Key": "slow_start.duration_seconds", "Value": "30"}]
    )
    cloud.targets[routed.balancer.legacy] = {old.address: Target()}
    wait_until(lambda: routed.ask() == "legacy")
    gone = versions("gone")
    gone.end()
    monkeypatch.setattr(alb_targets, "_WITHIN", 0.3)
    with pytest.raises(AdapterError, match=r"health checks have not passed for 1\.0 yet \(1 (initial|unhealthy)\)"):
        routed.router.apply(ONE, {"1.0": [gone.address]})
    assert (routed.router.read(), routed.ask()) == (None, "legacy")
    monkeypatch.setattr(alb_targets, "_WITHIN", 20.0)
    routed.take(ONE, {"1.0": [new.address]})
    assert routed.ask() == "1.0"
    (made,) = [one for one in routed.balancer.elbv2.describe_target_groups()["TargetGroups"]
               if one["TargetGroupArn"] != routed.balancer.legacy]  # fmt: skip
    like = routed.balancer.groups[routed.balancer.legacy]
    for key in ("Protocol", "Port", "VpcId", "HealthCheckPath", "HealthCheckIntervalSeconds", "Matcher", "TargetType"):
        assert made[key] == like[key]
    found = routed.balancer.elbv2.describe_target_group_attributes(TargetGroupArn=made["TargetGroupArn"])
    assert {"Key": "slow_start.duration_seconds", "Value": "30"} in found["Attributes"]
    assert list(cloud.targets[routed.balancer.legacy]) == [old.address], "its targets stay as they are"
    routed.balancer.end()


def test_other_rules_of_the_listener_stay_as_they_are(routed: AlbUnderTest, versions: Versions) -> None:
    routed.balancer.rule("/reports/*", 7)
    before = [rule for rule in shown(routed) if rule["Priority"] == "7"]
    halves(routed, versions)
    mine = [int(rule["Priority"]) for rule in shown(routed) if rule["Priority"] not in ("7", "default")]
    assert [priority for priority in mine if priority < 50_000] == [8], "asked after the rules of others"
    routed.take(Split((("2.0", 1000),), closed=True), {})
    assert [rule for rule in shown(routed) if rule["Priority"] == "7"] == before
    routed.router.stop()
    assert [rule["Priority"] for rule in shown(routed)] == ["7", "default"]
    groups = routed.balancer.elbv2.describe_target_groups()["TargetGroups"]
    assert [one["TargetGroupArn"] for one in groups] == [routed.balancer.legacy]


def test_somebodys_change_is_found_named_and_holds_until_all_users_are_led_back(
    routed: AlbUnderTest, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alb, "SETTLE", 0.3)
    split, backends = halves(routed, versions)
    away = [{"Type": "forward", "TargetGroupArn": routed.balancer.legacy}]
    routed.balancer.elbv2.modify_listener(ListenerArn=routed.balancer.listener, DefaultActions=away)
    named = rf"default rule sends users to legacy-{routed.balancer.port} 1, and Pilotage did not set that"
    with pytest.raises(AdapterError, match=named):
        routed.router.read()
    routed.cloud.calls.clear()
    with pytest.raises(AdapterError, match=r"somebody changed the listener.*Pilotage had set 2\.0 30%, 1\.0 70%"):
        routed.again(2).apply(split, backends)
    assert writes(routed.cloud) == []
    routed.again(3).apply(ONE, backends)
    assert routed.router.read() == ONE


# ── the way back ───────────────────────────────────────────────────────────────────────────────────────────


def test_users_are_led_back_by_one_call_whatever_aws_throttles(routed: AlbUnderTest, versions: Versions) -> None:
    """Nothing comes before it, and a user whom a cookie led to the new version comes back, too."""
    split, backends = halves(routed, versions)
    assert routed.router.read() == split
    users = [User(routed) for _ in range(40)]
    assert {user.ask() for user in users} == {"1.0", "2.0"}
    routed.cloud.throttle.update(DescribeRules=3, ModifyListener=2, DescribeTargetHealth=1)
    assert routed.router.read() == split, "what it was a moment ago"
    assert routed.router.read() == split, "and AWS is not asked again at once"
    with pytest.raises(AdapterError, match=r"limits how often|looks less often"):
        routed.again().read()
    routed.cloud.calls.clear()
    routed.router.apply(ONE, backends)
    assert writes(routed.cloud)[:3] == ["ModifyListener"] * 3, "refused twice"
    routed.wait_for(ONE)
    assert {user.ask() for user in users} == {"1.0"}


def test_the_old_version_stays_checked_so_that_the_way_back_needs_no_wait(
    routed: AlbUnderTest, versions: Versions
) -> None:
    _, backends = halves(routed, versions)
    routed.take(Split((("2.0", 1000),)), backends)
    (old,) = [arn for arn, there in routed.cloud.targets.items() if tuple(backends["1.0"][0]) in there]
    assert set(routed.cloud.states(old).values()) == {"healthy"}
    assert routed.ask() == "2.0"
    routed.take(ONE, backends)
    assert routed.ask() == "1.0"


def test_without_a_store_it_is_found_led_back_and_left_by_its_folder(routed: AlbUnderTest, versions: Versions) -> None:
    assert found_router(routed.directory) is None
    split, backends = halves(routed, versions)
    here = found_router(routed.directory)
    assert here
    assert (here.runs(), here.died(), here.split()) == (True, False, split)
    assert set(here.addresses("1.0")) == set(backends["1.0"])
    assert here.lead_all("1.0", here.addresses("1.0"))
    assert {routed.ask() for _ in range(20)} == {"1.0"}
    routed.cloud.down = True
    assert (here.runs(), here.split(), here.lead_all("1.0", backends["1.0"])) == (False, Split(split.weights), False)
    routed.cloud.down = False
    assert here.stop(5) is False
    assert found_router(routed.directory) is None
    assert routed.answer().status == 503


# ── what may go wrong ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("last", [pytest.param(n, marks=[] if n in (2, 5) else pytest.mark.long) for n in range(9)])
def test_a_crash_between_any_two_calls_is_put_right_by_the_next_controller(
    last: int, routed: AlbUnderTest, versions: Versions
) -> None:
    """AWS takes nothing after the last change; then another controller is told the same."""
    cloud, backends = routed.cloud, {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    split = split_between("2.0", 300, "1.0", (HeaderRoute("X-Release", "canary", "2.0"),))
    routed.take(ONE, {"1.0": backends["1.0"]})
    cloud.calls.clear()

    def stop_after(_action: str) -> None:
        cloud.broken = len(writes(cloud)) > last

    cloud.on_call = stop_after
    whole = not _fails(lambda: routed.router.apply(split, backends))
    assert whole == (last >= _CHANGES)
    cloud.on_call, cloud.broken = lambda _: None, False
    routed.router = routed.again(2)
    routed.take(split, backends)
    assert routed.ask(**{"X-Release": "canary"}) == "2.0"
    groups = routed.balancer.elbv2.describe_target_groups()["TargetGroups"]
    assert len(groups) == 3, "the old one, and one for each version"


_CHANGES = 7
"""A group, its attribute, the rule where it waits, its target, the header route, the split; that rule goes again."""


def _fails(act: Callable[[], None]) -> bool:
    try:
        act()
    except AdapterError:
        return True
    return False


def test_a_controller_that_is_replaced_meanwhile_writes_nothing_more(routed: AlbUnderTest, versions: Versions) -> None:
    _, backends = halves(routed, versions)
    routed.cloud.calls.clear()

    def overtake(action: str) -> None:
        if action == "ModifyListener":
            Fence(routed.place / "fence.json", 9).check()

    routed.cloud.on_call = overtake
    with pytest.raises(Fenced):
        routed.router.apply(split_between("3.0", 100, "1.0"), {**backends, "3.0": backends["2.0"]})
    routed.cloud.on_call = lambda _: None
    done = writes(routed.cloud)
    assert done[-1] == "ModifyListener"
    assert "DeregisterTargets" not in done


def test_what_was_written_is_waited_for_where_aws_shows_it_late(routed: AlbUnderTest, versions: Versions) -> None:
    _, backends = halves(routed, versions)
    routed.cloud.stale = 0.5
    routed.router.apply(ONE, backends)
    assert routed.router.read() == ONE


def test_release_after_release_leaves_one_group(routed: AlbUnderTest, versions: Versions) -> None:
    there = versions("any").address
    for n in range(2, 7):
        routed.take(Split(((f"{n}.0", 1000),)), {f"{n}.0": [there]})

    def tidy() -> bool:
        routed.router.apply(Split((("6.0", 1000),)), {"6.0": [there]})
        return len(routed.balancer.elbv2.describe_target_groups()["TargetGroups"]) == 2

    wait_until(tidy, what="groups of earlier versions stay")
    assert [rule["Priority"] for rule in shown(routed)] == ["default"]


def test_instances_leave_only_when_another_one_can_take_over(routed: AlbUnderTest, versions: Versions) -> None:
    """A replaced instance drains; the last healthy one of a version stays until its successor is healthy."""
    one, two = versions("1.0"), versions("1.0")
    routed.take(ONE, {"1.0": [one.address]})
    (group,) = [arn for arn, there in routed.cloud.targets.items() if one.address in there]
    routed.router.apply(ONE, {"1.0": [("127.0.0.1", 9)]})
    assert routed.cloud.states(group)[one.address] == "healthy"
    assert {routed.ask() for _ in range(10)} == {"1.0"}
    routed.router.apply(ONE, {"1.0": [two.address]})
    wait_until(lambda: routed.cloud.states(group).get(two.address) == "healthy")
    routed.router.apply(ONE, {"1.0": [two.address]})
    assert routed.cloud.states(group).get(one.address) in ("draining", None)
    assert routed.router.endpoints() == {"1.0": frozenset([two.address])}


def test_what_aws_has_no_condition_for_is_refused(routed: AlbUnderTest, versions: Versions) -> None:
    _, backends = halves(routed, versions)
    for header, value in (("x-release", "can*"), ("x-release", "a?"), ("h" * 41, "a"), ("host", "a")):
        with pytest.raises(AdapterError, match="AWS has no condition on"):
            routed.router.apply(Split((("1.0", 1000),), (HeaderRoute(header, value, "2.0"),)), backends)
    with pytest.raises(AdapterError, match="cannot mirror"):
        routed.router.apply(Split((("1.0", 1000),), mirror=Mirror("2.0", 10)), backends)


# ── other settings ─────────────────────────────────────────────────────────────────────────────────────────


def test_rules_of_a_listener_are_led_together_and_header_routes_stand_just_before_them(
    tmp_path: Path, cloud: Cloud, versions: Versions
) -> None:
    """Everything else of the listener goes where it went."""
    old = versions("legacy")
    balancer = Balancer(cloud, legacy=old.address)
    rules = [balancer.rule("/shop/*", 20), balancer.rule("/cart/*", 40)]
    routed = AlbUnderTest(tmp_path, cloud, rules=rules, balancer=balancer)
    _, backends = halves(routed, versions)
    assert sorted(int(rule["Priority"]) for rule in shown(routed) if rule["Priority"] != "default") == [19, 20, 39, 40]
    for path in ("/shop/a", "/cart/a"):
        assert routed.ask(path, **{"X-Release": "canary"}) == "2.0"
        assert {routed.ask(path) for _ in range(40)} == {"1.0", "2.0"}
    assert routed.ask("/other", **{"X-Release": "canary"}) == "legacy"
    actions = [{"Type": "forward", "TargetGroupArn": balancer.legacy}]
    balancer.elbv2.modify_rule(RuleArn=rules[1], Actions=actions)
    with pytest.raises(AdapterError, match=r"the rules send users different ways: rule 20 .*; rule 40 .*"):
        routed.router.read()
    routed.take(ONE, backends)
    balancer.rule("/shop/x", 19)
    with pytest.raises(AdapterError, match="header routes need the 1 priorities before 20, and 19 is not free"):
        routed.router.apply(Split((("1.0", 1000),), (HeaderRoute("x-a", "b", "2.0"),)), backends)
    balancer.end()


def test_target_groups_by_name_are_used_in_turn_and_never_deleted(
    tmp_path: Path, cloud: Cloud, versions: Versions
) -> None:
    balancer = Balancer(cloud)
    like = balancer.elbv2.describe_target_groups()["TargetGroups"][0]
    for name in ("blue", "green"):
        balancer.elbv2.create_target_group(
            Name=name, Protocol="HTTP", Port=80, VpcId=like["VpcId"], TargetType="ip", HealthCheckPath="/healthz"
        )
    routed = AlbUnderTest(tmp_path, cloud, target_groups=["blue", "green"], balancer=balancer)
    there = {name: versions(name).address for name in ("1.0", "2.0", "3.0")}
    for old, new in (("1.0", "2.0"), ("2.0", "3.0")):
        both = {version: [there[version]] for version in (old, new)}
        routed.take(split_between(new, 500, old), both)
        assert routed.again().read() == split_between(new, 500, old)
        routed.take(Split(((new, 1000),)), {new: [there[new]]})
        assert routed.ask() == new
    routed.router.stop()
    names = {one["TargetGroupName"] for one in balancer.elbv2.describe_target_groups()["TargetGroups"]}
    assert {"blue", "green"} <= names
    tags = balancer.elbv2.describe_tags(
        ResourceArns=[one["TargetGroupArn"] for one in balancer.elbv2.describe_target_groups()["TargetGroups"]]
    )
    assert [one["Tags"] for one in tags["TagDescriptions"]] == [[], [], []]
    balancer.end()


def test_a_network_load_balancer_splits_connections_and_knows_neither_headers_nor_pages(
    tmp_path: Path, cloud: Cloud, versions: Versions
) -> None:
    routed = AlbUnderTest(tmp_path, cloud, kind="network")
    assert (routed.can.header_routes, routed.can.closed, routed.can.sticky) == (False, False, False)
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    for split in (ONE, split_between("2.0", 250, "1.0"), Split((("2.0", 1000),)), ONE):
        routed.take(split, backends)
        assert {routed.ask() for _ in range(40)} == {version for version, _ in split.weights}
    weights = weights_of(routed.balancer.shown()[-1]["Actions"][-1])
    assert sorted(weights.values()) == [0, 1], "the other one waits with a weight of 0"

    def alone() -> bool:
        routed.router.apply(ONE, {"1.0": backends["1.0"]})
        return len(routed.balancer.elbv2.describe_target_groups()["TargetGroups"]) == 2

    wait_until(alone, what="the group of a version that is gone stays")
    with pytest.raises(AdapterError, match="neither header routes nor a maintenance page"):
        routed.router.apply(Split((("1.0", 1000),), closed=True), backends)
    routed.router.stop()
    assert list(weights_of(routed.balancer.shown()[-1]["Actions"][-1])) == [routed.balancer.legacy]
    routed.balancer.end()


def test_the_maintenance_page_is_the_users_own(tmp_path: Path, cloud: Cloud, versions: Versions) -> None:
    (tmp_path / "page.html").write_text("<h1>Back at noon</h1>")
    routed = AlbUnderTest(tmp_path, cloud, maintenance_page="page.html")
    _, backends = halves(routed, versions)
    routes = (HeaderRoute("X-Release", "canary", "2.0"),)
    routed.take(Split((("1.0", 700), ("2.0", 300)), routes, closed=True), backends)
    assert (routed.answer().status, routed.answer().data) == (503, b"<h1>Back at noon</h1>")
    assert routed.ask(**{"x-release": "canary"}) == "2.0"
    (tmp_path / "page.html").write_text("x" * 1025)
    with pytest.raises(AdapterError, match="AWS takes 1024 bytes"):
        routed.again().apply(Split((("2.0", 1000),), closed=True), backends)
    routed.balancer.end()


def test_instances_of_ec2_are_targets_by_their_id(
    tmp_path: Path, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pilotage knows them by their address, and AWS shows their ids."""
    monkeypatch.setattr(alb_targets, "_WITHIN", 0.3)
    ec2 = cloud.client("ec2")
    made = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"][0]
    balancer = Balancer(cloud)
    vpc = balancer.groups[balancer.legacy]["VpcId"]
    balancer.elbv2.create_target_group(Name="like", Protocol="HTTP", Port=80, VpcId=vpc, HealthCheckPath="/healthz")
    routed = AlbUnderTest(tmp_path, cloud, target_group="like", balancer=balancer)
    assert isinstance(routed.router, alb.AlbRouter)
    at = (made["PrivateIpAddress"], 8000)
    with pytest.raises(AdapterError, match="health checks have not passed"):
        routed.router.apply(ONE, {"1.0": [at]})
    assert [list(there) for there in cloud.targets.values()] == [[(made["InstanceId"], 8000)]]
    with pytest.raises(AdapterError, match=r"0 EC2 instances have the private address 10\.9\.9\.9"):
        routed.router.groups.target_of("instance", "10.9.9.9", 80)
    balancer.end()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rules": []}, "name either a listener or rules"),
        ({"listener": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/a/1"}, "pattern"),
        ({"listener": NETWORK, "sticky": {}}, "neither cookies nor pages"),
        ({"listener": NETWORK.replace("net", "app"), "target_groups": ["blue"]}, "needs two groups or more"),
        ({"rules": [RULE, RULE.replace("/3/4", "/9/4")]}, "must all be of one listener"),
    ],
)
def test_settings_that_do_not_fit_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ADAPTER.section.model_validate({"kind": "alb", **wrong})


# ── doctor, and what is allowed ────────────────────────────────────────────────────────────────────────────


def test_doctor_says_who_acts_what_the_listener_does_and_which_permission_is_missing(
    routed: AlbUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, listener = examined(routed)
    assert (who.result, listener.result) == ("PASS", "PASS")
    assert "arn:aws:" in who.sentence
    assert listener.sentence == (
        f"HTTP on port 80; the listener's default rule sends users to legacy-{routed.balancer.port} 1"
    )
    for action in ("DescribeRules", "DescribeTargetGroups", "DescribeTargetHealth", "DescribeTags"):
        routed.cloud.deny = {action}
        (finding,) = examined(routed)
        assert finding.result == "FAIL"
        assert f"may not call elasticloadbalancing:{action}; allow it in the IAM policy" in finding.sentence
    routed.cloud.deny = set()
    routed.balancer.elbv2.modify_target_group_attributes(
        TargetGroupArn=routed.balancer.legacy, Attributes=[{"Key": "stickiness.enabled", "Value": "true"}]
    )
    section = ADAPTER.section.model_validate({"kind": "alb", "listener": routed.balancer.listener})
    assert "set router.sticky" in examined(routed, section)[-1].sentence
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    forget()
    (finding,) = examined(routed)
    assert finding.result == "FAIL"
    assert "no AWS credentials were found" in finding.sentence
    assert SECRETS[1] not in repr(routed.router)


def test_a_role_is_assumed_with_the_credentials_that_are_there(
    tmp_path: Path, cloud: Cloud, versions: Versions
) -> None:
    routed = AlbUnderTest(tmp_path, cloud, role="arn:aws:iam::123456789012:role/deploy")
    routed.take(ONE, {"1.0": [versions("1.0").address]})
    assert cloud.calls[0] == "sts:AssumeRole"
    assert "assumed-role/deploy/pilotage" in examined(routed)[0].sentence
    routed.balancer.end()


def examined(routed: AlbUnderTest, section: Any = None) -> list[Finding]:
    assert ADAPTER.examine
    return list(ADAPTER.examine(section or routed.section, routed.context()))
