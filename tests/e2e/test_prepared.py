"""A version is made ready by its own commands before anything stops, and one that cannot be ready changes nothing
(R27, R28)."""

from __future__ import annotations

import sys

import pytest

from pilotage.model.rollout import Status

from .conftest import Make, users
from .test_strategies import QUICK

BUILD = """
import pathlib, shutil, sys
source, made = pathlib.Path('built', sys.argv[1] + '.json'), pathlib.Path('releases', sys.argv[1] + '.json')
if not source.exists():
    print('fetching', sys.argv[1], flush=True)
    raise SystemExit(f'there is no {source}')
shutil.copy(source, made)
"""


@pytest.mark.long
def test_r27_rolling_prepares_before_it_drains_anything(shop: Make) -> None:
    made = shop(strategy="rolling", count=2, **QUICK["rolling"])
    (made.directory / "built").mkdir()
    (made.directory / "built" / "1.0.json").write_text('{"fault": "none"}')
    fleet = made.section("fleet")
    made.configure(fleet=fleet | {"prepare": [[sys.executable, "-c", BUILD, "{version}"]]})
    made.run("deploy", "1.0")
    with users(made) as traffic:
        before = {p.pid for p in made.instances("1.0")}
        made.run("deploy", "2.0", "--detach")
        failed = made.wait_end()
        assert failed.state.status is Status.ROLLED_BACK
        assert "exited with 1: fetching 2.0 / there is no built/2.0.json" in failed.state.reason
        assert {p.pid for p in made.instances("1.0")} == before, "nothing was stopped for it"
        (made.directory / "built" / "2.0.json").write_text('{"fault": "none"}')
        made.run("deploy", "2.0", "--detach")
        assert made.wait_end().state.status is Status.COMPLETED
        assert made.instances("1.0") == []
    assert [a for a in traffic.answers() if a.failed] == []
