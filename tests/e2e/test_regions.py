"""R33, R10: one stage takes a version to four regions, with real processes: in order, never two of a pair at once, with
a bake between them. It stops at the first bad region, and takes back what `undo` says."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from pilotage.adapters.free_port import free_port
from pilotage.engine.records import ways
from pilotage.engine.records.store import Store
from pilotage.model.record import Recorded, RolloutSummary
from pilotage.model.rollout import Status

from .conftest import FAST, Make, Shop
from .test_way import git, way

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("regions")]

REGIONS = ("eu-west", "us-east", "eu-north", "us-west")
PAIRS = (("eu-west", "eu-north"), ("eu-north", "us-west"))
"""The first two run together. The third waits for the first of them, and the last one for the third."""

BAKE = 2.0
BAD_SOON = {"canary.health_check_timeout": "3s"}
"""Of the region where a version is bad: it need not wait for long until that is sure."""

SERVICE = """
import http.server, pathlib, sys

port, version, broken = int(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])

class Region(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if self.path == "/healthz" and (broken / version).exists() else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer.request_queue_size = 128
http.server.ThreadingHTTPServer(("127.0.0.1", port), Region).serve_forever()
"""


def with_regions(it: Shop, undo: str, third: Mapping[str, str], **more: Any) -> None:
    """Four regions of a small service, each with a router of its own. more: of each environment's section."""
    (it.directory / "service.py").write_text(SERVICE)
    it.configure_whole(environments={name: region(it, name) | more for name in REGIONS})
    with_undo(it, undo, third)
    git(it, "init", "-q")
    git(it, "add", "pilotage.yaml", "service.py")


def with_undo(it: Shop, undo: str, third: Mapping[str, str]) -> None:
    """The stage with this `undo`. third: overrides of the third region."""
    stage = {
        "name": "regions", "environments": list(REGIONS), "at_most": 2, "apart": [list(pair) for pair in PAIRS],
        "bake": f"{BAKE:g}s", "undo": undo, "approval": {"count": 0},
    }  # fmt: skip
    environments = it.configuration("environments")
    environments[REGIONS[2]]["overrides"].update(third)
    it.configure_whole(environments=environments, way={"stages": [stage]})


def region(it: Shop, name: str) -> dict[str, Any]:
    (it.directory / "broken" / name).mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "service.py", "{port}", "{version}", str(it.directory / "broken" / name)]
    return {
        "fleet": {"kind": "process", "command": command, "count": 1, "health_check_path": "/healthz"},
        "router": {"kind": "envoy", "listen": f"127.0.0.1:{free_port()}"},
        "overrides": dict(FAST),
    }


def breaks_in(it: Shop, name: str, version: str) -> None:
    """The version never gets healthy in that region."""
    (it.directory / "broken" / name / version).touch()


def travels(it: Shop, version: str, *, expect: int) -> str:
    """Tag the version and take it along its way, until that has ended."""
    git(it, "commit", "-qam", version, "--allow-empty")
    git(it, "tag", version)
    return way(it, "start", version, expect=expect)


class Course:
    """What the store says of one version's way through the regions."""

    def __init__(self, it: Shop, version: str) -> None:
        store = it.store()
        newest = ways.newest(store.engine, "shop")
        assert newest is not None
        assert newest.way.version == version
        self.events = ways.events(store.engine, newest.way.id)
        self.rollouts = {name: found for name in REGIONS if (found := own(store, name, version)) is not None}
        self.serving = {name: store.serving("shop", name)[:1] for name in REGIONS}
        store.close()

    def of_type(self, kind: str) -> Sequence[Recorded]:
        return [event for event in self.events if event.type == kind]

    def statuses(self) -> list[Status]:
        return [one.status for one in self.rollouts.values()]

    def check_order(self, *reached: str) -> None:
        """In order, at most two at once, never two of a pair, and none before the bake since the end of its pair."""
        requested = self.of_type("rollout-requested")
        assert [one.data["environment"] for one in requested] == list(reached) == list(self.rollouts)
        for index, event in enumerate(requested):
            before = list(self.rollouts.values())[:index]
            name = str(event.data["environment"])
            there = [one for one in before if one.finished_at is None or one.finished_at > event.at]
            assert len(there) < 2, f"{name} is the third at once"
            for mate in before:
                if {name, mate.environment} in map(set, PAIRS):
                    assert mate.finished_at is not None
                    assert event.at - mate.finished_at >= BAKE, f"{name} begins within the bake of {mate.environment}"


def own(store: Store, name: str, version: str) -> RolloutSummary | None:
    """The first rollout of the version in a region; what took it back came later."""
    found = [one for one in store.history("shop", name) if one.version == version]
    return store.look_up(found[-1].id) if found else None


def test_it_stops_at_the_first_bad_region_and_leaves_the_others_alone(shop: Make) -> None:
    it = shop()
    with_regions(it, "failed", BAD_SOON)
    breaks_in(it, "eu-north", "1.0.0")
    said = travels(it, "1.0.0", expect=5)
    course = Course(it, "1.0.0")
    course.check_order("eu-west", "us-east", "eu-north")
    [failed] = course.of_type("stage-failed")
    assert failed.data["undone"] == ["eu-north"]
    assert course.serving == {"eu-west": ("1.0.0",), "us-east": ("1.0.0",), "eu-north": (), "us-west": ()}
    assert "regions failed: eu-north: timed out after" in said
    assert course.statuses() == [Status.COMPLETED, Status.COMPLETED, Status.FAILED]


@pytest.mark.long
def test_a_bad_region_takes_back_itself_or_every_region_of_its_stage(shop: Make) -> None:
    it = shop()
    with_regions(it, "failed", {}, synthetic={"path": "/", "requests_per_second": 40})
    travels(it, "1.0.0", expect=0)
    course = Course(it, "1.0.0")
    course.check_order(*REGIONS)
    assert set(course.statuses()) == {Status.COMPLETED}

    with_undo(it, "failed", BAD_SOON)
    breaks_in(it, "eu-north", "1.1.0")
    travels(it, "1.1.0", expect=4)
    course = Course(it, "1.1.0")
    course.check_order("eu-west", "us-east", "eu-north")
    assert course.of_type("stage-failed")[0].data["undone"] == ["eu-north"]
    assert course.statuses() == [Status.COMPLETED, Status.COMPLETED, Status.ROLLED_BACK]
    kept = {"eu-west": ("1.1.0",), "us-east": ("1.1.0",), "eu-north": ("1.0.0",), "us-west": ("1.0.0",)}
    assert course.serving == kept

    with_undo(it, "all", BAD_SOON)
    breaks_in(it, "eu-north", "1.2.0")
    travels(it, "1.2.0", expect=4)
    course = Course(it, "1.2.0")
    course.check_order("eu-west", "us-east", "eu-north")
    assert course.of_type("stage-failed")[0].data["undone"] == ["eu-west", "us-east", "eu-north"]
    assert course.serving == kept, "each region serves what it served before, and us-west was never touched"
