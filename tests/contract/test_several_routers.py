"""Two real routers as one, opened from `routers:` of a configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import urllib3

from pilotage.adapters.free_port import free_port
from pilotage.adapters.ports import AdapterError
from pilotage.app.teardown import _stop_processes
from pilotage.engine.execution.targets import open_target
from pilotage.engine.rescue import take_back as rescue
from pilotage.model.snapshot import Snapshot
from pilotage.model.traffic import split_between

from .conftest import Version

pytestmark = pytest.mark.real


def test_both_get_every_split_and_all_are_found_without_a_store(
    tmp_path: Path, versions: Callable[[str], Version]
) -> None:
    """Rules 1 and 7: reached when both show it; taken back and stopped by their files, too."""
    ports = {name: free_port() for name in ("edge", "inner")}
    routers = {name: {"kind": "envoy", "listen": f"127.0.0.1:{port}"} for name, port in ports.items()}
    fleet = {"kind": "process", "command": ["serve", "{port}", "{version}"]}
    snapshot = Snapshot(environment={"fleet": fleet, "routers": routers}, cwd=str(tmp_path))
    target = open_target(tmp_path, snapshot, "shop", "production", 1)
    place = tmp_path / "run" / "shop-production"
    backends = {name: [versions(name).address] for name in ("1.0", "2.0")}
    split = split_between("2.0", 1000, "1.0")
    try:
        target.router.apply(split, backends)
        assert target.router.read() == split
        assert target.router.url() == f"http://127.0.0.1:{ports['edge']}"
        asked = [urllib3.request("GET", f"http://127.0.0.1:{port}/").data for port in ports.values()]
        assert asked == [b"2.0", b"2.0"]
        assert target.metrics.observe(["2.0"], None).observations, "counted at the first one"
        did = rescue.take_back_at(place, "2.0")
        assert did.startswith("all traffic goes to 2.0")
        for folder in (place / "router-edge", place / "router-inner"):
            assert folder.is_dir()
    finally:
        assert _stop_processes(place)
    with pytest.raises(AdapterError, match=r"router edge: .*; router inner: "):
        target.router.read()
