"""What tests of several folders begin with, and what is told at the end: how many controllers were killed, and what the
live trials came to."""

from __future__ import annotations

import gc
import os
import socketserver
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from tests import datasette, leftovers
from tests.live import table

if TYPE_CHECKING:
    from tests.unleash import Unleash


# Every test process reads every file of tests. That makes millions of objects which all stay: the collector of garbage
# would visit them again and again, a sixth of the time that reading takes, and at each of its full rounds thereafter.
gc.disable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        from tests.groups import longest_first

        longest_first(items)


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    if config.getoption("dist") == "loadgroup":
        from tests.groups import Groups

        return Groups(config, log)
    return None


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("long") and os.environ.get("PILOTAGE_LIVE") != "long":
        pytest.skip("of the long set: PILOTAGE_LIVE=long runs it")


@pytest.fixture(scope="session", autouse=True)
def _new_stores_are_made_once() -> Iterator[None]:
    from tests import new_stores

    with new_stores.made_once():
        yield


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`<version>/bin/datasette` for both versions of Datasette."""
    place = tmp_path_factory.mktemp("environments")
    datasette.install(place)
    return place


@pytest.fixture(scope="session", params=["6", pytest.param("8", marks=pytest.mark.long)])
def unleash_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unleash]:
    """One server for all tests of it, which are of one group: `pytest.mark.xdist_group("unleash")`."""
    from pilotage.testing.contracts.flags import SEGMENTS
    from tests import unleash

    with unleash.running(request.param, tmp_path_factory.mktemp("unleash")) as server:
        for name in ("group", "region", *{one.conditions[0].attribute for one, _, _ in SEGMENTS.values()}):
            server.ask("POST", "/api/admin/context", {"name": name})
        yield server


_LEFT = pytest.StashKey[list[str]]()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Nothing of Pilotage outlives the tests. With several workers, the process that started them looks, at the end."""
    if hasattr(session.config, "workerinput") or session.config.option.collectonly:
        return
    factory: pytest.TempPathFactory = session.config._tmp_path_factory  # type: ignore[attr-defined]
    session.config.stash[_LEFT] = left = leftovers.end(factory.getbasetemp())
    if left and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if left := terminalreporter.config.stash.get(_LEFT, []):
        terminalreporter.section("processes left behind, and killed now", red=True)
        for one in left:
            terminalreporter.write_line(one)
    ran = [
        dict(report.user_properties)
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if getattr(report, "user_properties", None)
    ]
    kills = [int(str(properties["kills"])) for properties in ran if "kills" in properties]
    if kills:
        terminalreporter.write_line(f"chaos: {sum(kills)} controllers killed in {len(kills)} rollouts")
    if rows := [properties["live"] for properties in ran if "live" in properties]:
        for line in table.lines(rows):
            terminalreporter.write_line(line)


# Several test processes share a processor: how long an example takes says nothing.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

# A server with room for five connections drops the sixth, and its client tries again a second later.
socketserver.TCPServer.request_queue_size = 128

# Test processes of xdist inherit the width of the terminal: what a pipe shows must not depend on it.
os.environ.pop("COLUMNS", None)
