"""R34, P1, P2: two servers of one PostgreSQL under load, one of them killed in the middle: clients notice a retry at
most, and everything that a server has acknowledged is there once."""

from __future__ import annotations

import http.client
import os
import random
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pilotage.engine.records.followups import actions_of
from tests.databases import postgres
from tests.web.site import Client, Got, Served, served

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("databases"), pytest.mark.long, pytest.mark.timeout(600)]

WHERE = "/api/v1/services/shop/followups"
SECONDS = 12.0


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """Opens the database for the test; its clients ask the two processes."""
    with postgres(tmp_path / "database") as database:
        url = database.url(database="shop").replace("postgresql://", "postgresql+psycopg://")
        monkeypatch.setenv("PILOTAGE_DATABASE", url)
        folder = tmp_path / "shop"
        folder.mkdir()
        with served(folder) as found:
            assert found.store.engine.dialect.name == "postgresql"
            yield found


@dataclass
class Process:
    """A server that a test may kill."""

    running: subprocess.Popen[str]
    port: int

    @classmethod
    def of(cls, folder: Path) -> Process:
        command = [sys.executable, "-m", "tests.web.mortal", str(folder)]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
        assert running.stdout is not None
        return cls(running, int(running.stdout.readline()))


@dataclass
class Tally:
    """What one client saw. acknowledged: descriptions of what a server said it has recorded."""

    acknowledged: list[str] = field(default_factory=list)
    retries: int = 0
    told: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def _asked(ports: list[int], server: Served, token: str, act: str, tally: Tally) -> Got | None:
    """As a client does: another server where one does not answer, with the same key; None where all time is over."""
    for attempt in range(60):
        client = Client(Served(server.site, ports[attempt % 2]), token=token)
        try:
            if act == "read":
                got = client.get("/api/v1/rollouts")
            else:
                body = {"description": act, "owner": "ada", "due": "2030-01-01", "criterion": "it is there"}
                got = client.post(WHERE, body, **{"Idempotency-Key": act})
        except (OSError, http.client.HTTPException):
            tally.retries += 1
            continue
        if got.status == 409 and got.json["code"] == "request-running":
            tally.retries += 1
            time.sleep(0.1)
            continue
        return got
    return None


def _works(server: Served, ports: list[int], token: str, over: threading.Event, tally: Tally) -> None:
    order = random.sample(ports, 2)
    while not over.is_set():
        act = f"work-{uuid.uuid4().hex}"
        got = _asked(order, server, token, act, tally)
        if got is None:
            tally.wrong.append("no answer")
        elif got.status == 201:
            tally.acknowledged.append(act)
        elif got.status == 409:
            tally.told[got.json["code"]] += 1
            if got.json["code"] == "answer-lost":  # it was carried out, and says so
                tally.acknowledged.append(act)
        else:
            tally.wrong.append(f"{got.status} {got.text[:200]}")
        read = _asked(order, server, token, "read", tally)
        if read is None or read.status != 200:
            tally.wrong.append(f"read: {read and read.status}")


def test_r34_one_of_two_servers_is_killed_under_load_and_nothing_is_lost_or_done_twice(server: Served) -> None:
    server.person("ada", "admin")
    token = server.with_token("ada", "admin").token
    first, second = (Process.of(server.site.project.folder) for _ in range(2))
    tallies, over = [Tally() for _ in range(8)], threading.Event()
    threads = [
        threading.Thread(target=_works, args=(server, [first.port, second.port], token, over, one)) for one in tallies
    ]
    try:
        for thread in threads:
            thread.start()
        over.wait(SECONDS / 2)
        before = sum(len(one.acknowledged) for one in tallies)
        first.running.kill()
        assert first.running.wait(60) == -9
        over.wait(SECONDS / 2)
        while sum(len(one.acknowledged) for one in tallies) < before + 20:
            assert [wrong for one in tallies for wrong in one.wrong] == []
            time.sleep(0.1)
        over.set()
        for thread in threads:
            thread.join(120)
    finally:
        over.set()
        for one in (first, second):
            one.running.kill()
            one.running.wait(60)
    acknowledged = [act for one in tallies for act in one.acknowledged]
    told = sum((one.told for one in tallies), Counter[str]())
    print(f"{len(acknowledged)} acknowledged, {sum(one.retries for one in tallies)} retries, told {dict(told)}")
    found = Counter(one.description for one in actions_of(server.store.engine, "shop"))
    assert [one for one in found if found[one] != 1] == []
    assert set(acknowledged) - set(found) == set()
    assert [wrong for one in tallies for wrong in one.wrong] == []
    assert set(told) <= {"answer-lost"}
    assert set(found) == set(acknowledged)  # every client asked until it knew
