"""The main job on an application nobody here wrote: two published versions of Datasette, each in an environment of its
own, serving a real SQLite file under load; rolled forward, then back."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
import urllib3

from pilotage.model.rollout import Status
from tests.datasette import NEW, OLD, command, write_library

from .conftest import Make, Shop

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.xdist_group("live")]
"""Of the long set: the quick start does the same in every run, as a user types it (`test_installed.py`)."""


def configure(shop: Shop, environments: Path) -> None:
    database = shop.directory / "library.db"
    write_library(database)
    served = {"command": command(environments, database), "health_check_path": "/-/versions.json"}
    shop.configure(fleet={**shop.section("fleet"), **served})


class Readers:
    """Steady requests for rows; counts answers by status and version, and keeps the last body."""

    def __init__(self, url: str) -> None:
        self._url, self._stopping = url, threading.Event()
        self.answers: Counter[tuple[int, str]] = Counter()
        self.titles: set[str] = set()
        self._threads = [threading.Thread(target=self._read, args=(n,), daemon=True) for n in range(4)]

    def __enter__(self) -> Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _read(self, number: int) -> None:
        pool, turn = urllib3.PoolManager(maxsize=1), 0
        while not self._stopping.wait(0.06):
            turn += 1
            url = f"{self._url}/library/book/{turn % 2000 + 1}.json?_shape=objects"
            try:
                cookie = {"Cookie": f"session=reader-{number}-{turn % 50}"}
                answer = pool.request("GET", url, headers=cookie, timeout=10, retries=False)
                self.answers[(answer.status, answer.headers.get("x-shop-release", ""))] += 1
                self.titles.add(json.loads(answer.data)["rows"][0]["title"])
            except (urllib3.exceptions.HTTPError, ValueError) as error:
                self.answers[(0, repr(error))] += 1


def serving(shop: Shop) -> str:
    body = urllib3.request("GET", f"{shop.url}/-/versions.json", retries=False).data
    return str(json.loads(body)["datasette"]["version"])


def test_datasette_is_rolled_forward_and_back_under_load_without_a_lost_request(shop: Make, environments: Path) -> None:
    # What Datasette takes in memory and time differs between its versions and is not what is tried here.
    it = shop(
        tolerance="high",
        rollback_triggers__response_time_factor=20.0,
        rollback_triggers__memory_factor=5.0,
        canary__phase_duration="2s",
    )
    configure(it, environments)
    it.run("deploy", OLD)
    assert serving(it) == OLD
    with Readers(it.url) as readers:
        time.sleep(2)
        it.run("deploy", NEW)
        assert it.latest().state.status is Status.COMPLETED
        assert serving(it) == NEW
        it.run("rollback")
        assert serving(it) == OLD
        time.sleep(1)
    assert {status for status, _ in readers.answers} == {200}, readers.answers
    assert readers.answers[(200, OLD)] > 50
    assert readers.answers[(200, NEW)] > 50
    assert {"book 0", "book 1", "book 2"} & readers.titles
    assert len(readers.titles) > 20
    assert it.split() == {"version_0~2e~64~2e~8": 1000}
    it.check_history(it.latest())
