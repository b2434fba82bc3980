"""A release and one that is undone through an HAProxy that somebody else runs and reloads (R28): nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilotage.demo.traffic import Answer, Traffic

from ..contract.haproxy import Operated
from .conftest import Shop

pytestmark = pytest.mark.real
LOG = "option httplog\n    log global"


def lost(answer: Answer) -> bool:
    """No instance answered. An idle connection that HAProxy closes, such as those of its old process at a hard stop, is
    nobody's request: whoever sends one at that moment sends it again."""
    return answer.status in (502, 503, 504)


def test_a_canary_goes_forward_and_one_is_undone_while_somebody_reloads(tmp_path: Path) -> None:
    files = tmp_path / "haproxy-files"
    haproxy = Operated(tmp_path / "haproxy", files / "shop.cfg", log=LOG, defaults="option idle-close-on-response")
    haproxy.start()
    shop = Shop(tmp_path, {}, "low")
    shop.configure(
        router={
            "kind": "haproxy", "address": str(haproxy.socket), "files": str(files), "name": "shop",
            "url": f"http://127.0.0.1:{haproxy.port}", "sticky": {"cookie": "session"},
        },
        metrics={"kind": "haproxy", "log": str(haproxy.log)},
    )  # fmt: skip
    for version, fault in (("1.0", "none"), ("2.0", "none"), ("3.0", "errors")):
        shop.release(version, fault)
    try:
        assert shop.run("deploy", "1.0", expect=None) == ""
        lines = [row[6:] for row in (files / "shop.cfg").read_text().splitlines() if row.startswith("#     ")]
        haproxy.write(tuple(lines))
        haproxy.kill()
        haproxy.start()
        shop.run("deploy", "1.0")
        with Traffic(f"http://127.0.0.1:{haproxy.port}", rate=50, users=100, seed=1) as users:
            shop.run("deploy", "2.0", "--detach")
            shop.wait(
                lambda rollout: rollout.plan.steps[rollout.state.step].weight == 250 and rollout.state.watched > 0
            )
            haproxy.reload()
            assert shop.wait_end().status == "completed"
            assert not [answer for answer in users.answers() if answer.status >= 500]
            assert shop.run("deploy", "3.0", expect=4)
            assert not [answer for answer in users.answers() if lost(answer)]
        explained = shop.run("explain")
        assert "error rate" in explained
        assert "2.0 serves all requests" in explained
    finally:
        assert "shop/production is down" in shop.run("down", "--yes")
        haproxy.end()
