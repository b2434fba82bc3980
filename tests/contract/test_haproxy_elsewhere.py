"""HAProxys on other machines, and several as one router (R28)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pilotage.adapters.fence import Fence
from pilotage.adapters.hosts.host import Unreachable
from pilotage.adapters.ports import AdapterError, Fenced
from pilotage.adapters.routers.found import found_router
from pilotage.adapters.routers.haproxy_adapter import ADAPTER
from pilotage.adapters.routers.several import Several
from pilotage.model.traffic import Split, split_between
from pilotage.testing import Version

from ..programs import needs
from ..ssh import Sshds, sshd  # noqa: F401
from .haproxy import answers, halves, haproxy_in

pytestmark = pytest.mark.real
Versions = Callable[[str], Version]
ONE = Split((("1.0", 1000),))


def test_the_runtime_api_over_tcp_and_one_where_nobody_listens(tmp_path: Path, versions: Versions) -> None:
    with haproxy_in(tmp_path, tcp=True) as routed:
        split, _ = halves(routed, versions)
        assert routed.again(2).read() == split
        routed.operated.kill()
        with pytest.raises(AdapterError, match=f"does not answer at 127.0.0.1:{routed.operated.tcp}: Connection re"):
            routed.router.read()


def test_two_haproxys_give_a_user_the_same_version_and_one_that_is_gone_follows_when_it_is_back(
    tmp_path: Path, versions: Versions
) -> None:
    """Rule 7: the way back waits for none of them."""
    with haproxy_in(tmp_path / "one") as one, haproxy_in(tmp_path / "two") as two:
        both = Several({"lb1": one.router, "lb2": two.router}, stable=lambda: "1.0", switch_timeout=60)
        split = split_between("2.0", 300, "1.0")
        backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
        both.apply(split, backends)
        assert both.read() == split
        assert answers(one)[0] == answers(two)[0]
        two.operated.kill()
        with pytest.raises(AdapterError, match="router lb2: HAProxy does not answer at"):
            both.apply(ONE, backends)
        assert one.router.read() == ONE
        two.operated.start()
        assert both.read() == ONE


def test_an_haproxy_on_another_machine_is_reached_over_ssh(
    sshd: Sshds,  # noqa: F811
    tmp_path: Path,
    versions: Versions,
) -> None:
    """Its files, and its socket by socat there; and the way back without a store."""
    needs("socat")
    there = sshd.start()
    host = there.section()
    with haproxy_in(tmp_path, host=host) as routed:
        split, backends = halves(routed, versions)
        before = answers(routed)
        routed.operated.reload()
        assert (routed.again(2).read(), answers(routed)) == (split, before)
        found = found_router(routed.directory)
        assert found
        assert found.lead_all("1.0", backends["1.0"])
        assert set(answers(routed)[0]) == {"1.0"}
        there.end()
        with pytest.raises(Unreachable):
            routed.router.read()
        assert found.lead_all("1.0", backends["1.0"]) is False


def test_r28_a_controller_that_was_replaced_changes_no_haproxy_elsewhere(
    sshd: Sshds,  # noqa: F811
    tmp_path: Path,
    versions: Versions,
) -> None:
    """R28: two controllers on two machines share no file but those of the load balancer's machine."""
    needs("socat")
    with haproxy_in(tmp_path, host=sshd.start().section()) as routed:
        _, backends = halves(routed, versions)
        folder = tmp_path / "other" / tmp_path.parent.name / tmp_path.name
        elsewhere = replace(routed.context(2), fence=Fence(folder / "fence.json", 2))
        ADAPTER.open(routed.section, elsewhere).apply(ONE, backends)
        with pytest.raises(Fenced):
            routed.router.apply(split_between("2.0", 900, "1.0"), backends)
        assert routed.router.read() == ONE
