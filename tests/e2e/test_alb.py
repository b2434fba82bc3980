"""A release and one that is undone through a load balancer of AWS (R28), judged by CloudWatch (R20): the controller is
killed, and other people change the listener."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pilotage.adapters.aws import forget
from pilotage.demo.traffic import Traffic
from pilotage.model.record import Rollout

from ..alb import ENVIRONMENT, Cloud
from ..alb_traffic import Balancer
from .conftest import Shop

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("aws")]
WATCHED = {"canary.phase_duration": "3s", "canary.bake_duration": "3s", "canary.tester_header": "x-release"}


@pytest.fixture
def balancer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Balancer]:
    """It publishes its figures each second, where AWS takes a minute."""
    cloud = Cloud()
    for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": cloud.url}.items():
        monkeypatch.setenv(name, value)
    forget()
    balancer, over = Balancer(cloud), threading.Event()
    balancer.period = 1

    def publish() -> None:
        while not over.wait(0.2):
            balancer.publish()

    publishing = threading.Thread(target=publish)
    publishing.start()
    yield balancer
    over.set()
    publishing.join()
    balancer.end()
    cloud.end()


@pytest.fixture
def shop(tmp_path: Path, balancer: Balancer) -> Iterator[Shop]:
    shop = Shop(tmp_path, WATCHED, "low")
    shop.configure(
        router={"kind": "alb", "listener": balancer.listener, "url": balancer.url},
        metrics={"kind": "cloudwatch", "period": "1s", "late": "1s"},
    )
    for version, fault in (("1.0", "none"), ("2.0", "none"), ("3.0", "errors"), ("4.0", "none")):
        shop.release(version, fault)
    yield shop
    assert "shop/production is down" in shop.run("down", "--yes")
    assert [rule["Priority"] for rule in balancer.shown()] == ["default"]


def watched_at_a_quarter(rollout: Rollout) -> bool:
    return rollout.plan.steps[rollout.state.step].weight == 250 and rollout.state.watched > 0


@pytest.mark.long
def test_a_canary_goes_forward_although_the_controller_is_killed_and_a_bad_one_is_undone(
    shop: Shop, balancer: Balancer
) -> None:
    shop.run("deploy", "1.0")
    with Traffic(balancer.url, rate=40, users=60, seed=1) as users:
        shop.run("deploy", "2.0", "--detach")
        shop.wait(watched_at_a_quarter)
        assert shop.kill_worker()
        ended = shop.wait_end()
        assert ended.status == "completed"
        shop.check_history(ended)
        assert not [answer for answer in users.answers() if answer.failed]
        assert shop.run("deploy", "3.0", expect=4)
        assert not [answer for answer in users.answers() if answer.status in (0, 502, 503, 504)]
    explained = shop.run("explain")
    assert "error rate" in explained
    assert "2.0 serves all requests" in explained


@pytest.mark.long
def test_somebodys_change_of_the_listener_holds_the_release_until_it_is_taken_back(
    shop: Shop, balancer: Balancer
) -> None:
    shop.run("deploy", "1.0")
    with Traffic(balancer.url, rate=40, users=60, seed=1):
        shop.run("deploy", "4.0", "--detach")
        shop.wait(watched_at_a_quarter)
        before = balancer.shown()[-1]["Actions"]
        away = [{"Type": "forward", "TargetGroupArn": balancer.legacy}]
        balancer.elbv2.modify_listener(ListenerArn=balancer.listener, DefaultActions=away)
        held = shop.wait(lambda rollout: "Pilotage did not set that" in rollout.state.reason)
        assert held.status == "holding"
        assert balancer.shown()[-1]["Actions"][0]["TargetGroupArn"] == balancer.legacy, "nobody else's is overwritten"
        balancer.elbv2.modify_listener(
            ListenerArn=balancer.listener,
            DefaultActions=[{"Type": "forward", "ForwardConfig": before[0]["ForwardConfig"]}],
        )
        balancer.refresh()
        assert shop.wait_end().status == "completed"
