"""Thirty tenants in four waves through a real Envoy (R33): each gets a release with its wave; one that fails goes back
alone."""

from __future__ import annotations

import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3

from pilotage.model.record import Recorded
from pilotage.model.status import Status
from pilotage.rollout.waves import kept

from ..receivers import Mailbox, mail_server
from .conftest import Shop

pytestmark = pytest.mark.real
SIZES = {"one": 5, "two": 8, "three": 7, "rest": 10}
TENANTS = [f"{wave}-{number}" for wave, size in SIZES.items() for number in range(size)]


class Tenants:
    """Requests of every tenant in turn, and of somebody without one: who got which version when."""

    def __init__(self, url: str) -> None:
        self._url, self._stopping = url, threading.Event()
        self._pool = urllib3.PoolManager(maxsize=4)
        self.answers: list[tuple[str, str, int]] = []
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(3)]

    @contextmanager
    def calling(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            for thread in self._threads:
                thread.join()

    def _run(self, turn: int) -> None:
        everybody = [*TENANTS, ""]
        while not self._stopping.wait(0.04):
            turn += 3
            tenant = everybody[turn % len(everybody)]
            self.answers.append((tenant, *self.ask(tenant)))

    def ask(self, tenant: str) -> tuple[str, int]:
        headers = {"x-tenant": tenant} if tenant else {}
        answer = self._pool.request("GET", f"{self._url}/", headers=headers, timeout=5.0, retries=False)
        return answer.data.decode(), answer.status

    def first(self, version: str) -> list[str]:
        """The waves in the order in which a tenant of each first got the version."""
        waves = [(tenant or "rest").split("-")[0] for tenant, found, _ in self.answers if found == version]
        return list(dict.fromkeys(waves))


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    with mail_server(box, None):
        yield box


@pytest.fixture
def tenant_shop(tmp_path: Path, mailbox: Mailbox) -> Iterator[Shop]:
    shop = Shop(tmp_path, {}, "high")
    overrides = {path: value for path, value in shop.section("overrides").items() if path != "canary.weights"}
    lines = "\n".join(f"{name},{name.split('-')[0]},{name}@example.org" for name in TENANTS)
    (tmp_path / "tenants.csv").write_text(f"name,group,contact\n{lines}\n")
    program = str(Path(__file__).with_name("tenant_shop.py"))
    waves = [{"name": name, "where": {"group": name}} for name in ("one", "two", "three")]
    shop.configure(
        fleet={**shop.section("fleet"), "command": [sys.executable, program, "{port}", "{version}"],
               "health_check_path": "/"},
        overrides={**overrides, "analysis.retry_once": False, "hold.decision_timeout": "5m"},
        tenants={"file": "tenants.csv"}, waves=[*waves, {"name": "rest", "rest": True}],
        wave_rules={"undo": "failed"},
    )  # fmt: skip
    channel = {
        "kind": "email", "host": "127.0.0.1", "port": mailbox.port, "encryption": "none", "tenants": True,
        "allow_private_network": True, "sender": "shop@example.org", "audiences": ["tenants", "tenants of the wave"],
    }  # fmt: skip
    answers = shop.configuration("answers")
    shop.configure_whole(notify=[channel], answers={**answers, "stakeholder_complexity": ["multi-tenant"]})
    yield shop
    shop.run("down", "--yes")
    assert shop.processes() == []


def told(mailbox: Mailbox, title: str, *waves: str) -> None:
    """Each tenant of these waves, and nobody else, got this mail once; none has more than one receiver."""
    until = time.monotonic() + 60
    expected = sorted(f"{one}@example.org" for one in TENANTS if one.split("-")[0] in waves)
    while True:
        mails = [mail for mail in mailbox.mails if mail["Subject"] == title]
        found = sorted(str(mail["To"]) for mail in mails)
        if found == expected:
            return
        assert time.monotonic() < until, (title, found, [str(mail["Subject"]) for mail in mailbox.mails])
        time.sleep(0.1)


def test_r33_each_wave_gets_it_in_turn_and_the_one_that_fails_goes_back_alone(
    tenant_shop: Shop, mailbox: Mailbox
) -> None:
    shop, tenants = tenant_shop, Tenants(tenant_shop.url)
    shop.run("deploy", "1.0")
    shop.run("announce", "approve", "tenant_wave_notice", "2.0", "--date", "2030-06-04")
    shop.run("announce", "send", "tenant_wave_notice", "2.0", "--date", "2030-06-04")
    told(mailbox, "shop 2.0 reaches you by Tuesday, 04 June 2030", "one", "two", "three", "rest")
    with tenants.calling():
        shop.run("deploy", "2.0", "--detach")
        done = shop.wait_end(120)
        assert done.state.status is Status.COMPLETED, done.state.reason
        assert tenants.first("2.0") == ["one", "two", "three", "rest"]
        assert {status for _, _, status in tenants.answers} == {200}
        told(mailbox, "You now have shop 2.0", "one", "two", "three", "rest")
        told(mailbox, "shop 2.0 has proven itself with you", "one", "two", "three", "rest")
        shop.run("deploy", "3.0", "--detach")
        back = shop.wait(lambda r: r.state.status.final or (kept(r.state) > 0 and r.state.returned), 120)
        assert back.state.status is Status.WITHDRAWN, back.state.reason
        versions = {tenant: tenants.ask(tenant)[0] for tenant in [*TENANTS, ""]}
        assert {versions[one] for one in TENANTS if one.startswith("one-")} == {"3.0"}
        assert {version for one, version in versions.items() if not one.startswith("one-")} == {"2.0"}
        shown = {row["name"]: row["state"] for row in shop.json("waves")["waves"]}
        assert shown == {"one": "has 3.0", "two": "withdrawn to 2.0", "three": "waits", "rest": "waits"}
        told(mailbox, "shop 3.0 was taken back", "two")
        shop.kill_worker()
        sentences = [event.sentence for event in _events(shop, back.id)]
        assert any("wave one (5 tenants) has 3.0" in sentence for sentence in sentences)
        assert any("3.0 is withdrawn from two, and one keeps it" in sentence for sentence in sentences)
        later = shop.wait(lambda r: r.state.status is not Status.WITHDRAWN or r.state.in_status > 2)
        assert later.state.status is Status.WITHDRAWN, "those who keep it are judged again, and are well"
        shop.run("abort")
        assert shop.wait_end().state.status is Status.ROLLED_BACK
        assert {tenants.ask(one)[0] for one in TENANTS} == {"2.0"}
        told(mailbox, "shop 3.0 was taken back", "one", "two")
        told(mailbox, "You now have shop 3.0", "one", "two")
    shop.check_history(shop.latest())


@pytest.mark.long
def test_r33_an_abort_without_store_in_the_middle_of_a_wave_returns_every_tenant(
    tenant_shop: Shop, mailbox: Mailbox
) -> None:
    """Neither the store nor the configuration nor the list of tenants can be read; the cohort goes all the same."""
    shop, tenants = tenant_shop, Tenants(tenant_shop.url)
    shop.configure(overrides={**shop.section("overrides"), "canary.phase_duration": "60s"})
    shop.run("deploy", "1.0")
    with tenants.calling():
        shop.run("deploy", "2.0", "--detach")
        told(mailbox, "You now have shop 2.0", "one")
        assert tenants.ask("one-0")[0] == "2.0"
        assert tenants.ask("two-0")[0] == "1.0"
        configuration, listed = shop.directory / "pilotage.yaml", shop.directory / "tenants.csv"
        whole, names = configuration.read_text(), listed.read_text()
        configuration.write_text("service: [")
        listed.unlink()
        held = sqlite3.connect(shop.state / "pilotage.sqlite", isolation_level=None)
        held.execute("BEGIN IMMEDIATE")
        shop.types_processes = True  # the kernel's locks on the store are those of another process
        assert shop.run("abort", "--offline").startswith("shop-production: all traffic goes to 1.0")
        assert {tenants.ask(one)[0] for one in [*TENANTS, ""]} == {"1.0"}
        xds = [path for path in (shop.state / "run" / "shop-production").rglob("*") if path.is_file()]
        assert not [
            path for path in xds if path.suffix == ".json" and "rds" in path.name and "one-0" in path.read_text()
        ]
        held.execute("ROLLBACK")
        held.close()
        listed.write_text(names)
        rollout = shop.wait_end()
        configuration.write_text(whole)
        assert rollout.state.status is Status.ROLLED_BACK
        assert {tenants.ask(one)[0] for one in [*TENANTS, ""]} == {"1.0"}
        told(mailbox, "shop 2.0 was taken back", "one")
    shop.check_history(rollout)


def _events(shop: Shop, identity: str) -> list[Recorded]:
    store = shop.store()
    found = list(store.events(identity))
    store.close()
    return found
