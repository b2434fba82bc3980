"""R34: what counts once counts once on a PostgreSQL too, whose transactions run side by side."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pilotage.app.identity import links, throttle
from pilotage.app.identity.secrets import hash_of
from pilotage.app.permissions import People
from pilotage.engine.records.failures import Failed
from pilotage.engine.records.links import NewAccount
from pilotage.engine.records.persons import NameTaken
from pilotage.engine.records.store import Store
from tests.clock import FakeClock
from tests.databases import postgres
from tests.web.browsers import GOOD

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("databases")]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("once")
    with postgres(folder) as server:
        url = server.url(database="shop").replace("postgresql://", "postgresql+psycopg://")
        opened = Store(folder / "state", url)
        yield opened
        opened.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as made:
        yield made


def test_r34_one_of_four_who_use_a_link_at_once_gets_the_account(store: Store, pool: ThreadPoolExecutor) -> None:
    secret = links.first_link(store)
    assert secret is not None

    def use(name: str) -> str:
        try:
            return links.redeem(store, People(by_name={}, where=""), secret, name, GOOD).name
        except links.LinkOver:
            return "over"

    got = list(pool.map(use, ("ada", "bob", "cleo", "dan")))
    assert got.count("over") == 3
    assert [one.name for one in store.persons.all()] == [name for name in got if name != "over"]


def test_r34_a_challenge_a_code_and_a_recovery_code_count_once(store: Store, pool: ThreadPoolExecutor) -> None:
    person = store.persons.add("eve", time.time())
    store.accounts.set_second_factor(person.id, "sealed", [hash_of("one"), hash_of("two")])
    now = time.time()
    for use in (
        lambda _: store.accounts.links.first_time("challenge", now, 60),
        lambda _: store.accounts.use_step(person.id, 7, 8),
        lambda _: store.accounts.use_recovery(person.id, hash_of("one")),
    ):
        assert list(pool.map(use, range(6))).count(True) == 1


def test_r34_failures_at_once_are_all_counted(store: Store, pool: ThreadPoolExecutor) -> None:
    made, now = throttle.attempt("password", "ada", "192.0.2.7"), time.time()
    failures, seen = store.accounts.failures, list[int]()
    list(pool.map(lambda _: failures.count(made.limits, now, lambda _: 0.0), range(20)))

    def look(known: Mapping[str, Failed]) -> float:
        seen.extend(one.count for one in known.values())
        return 1.0

    failures.count(made.limits, now, look)
    assert seen == [20, 20, 20]


def test_r34_of_many_guesses_at_once_only_the_free_ones_are_tried(store: Store, pool: ThreadPoolExecutor) -> None:
    store.clock = FakeClock(time.time())  # however long they take

    def tried(_: int) -> bool:
        try:
            throttle.begin(store, throttle.attempt("password", "bob", "192.0.2.8"))
        except throttle.TooOften:
            return False
        return True

    assert list(pool.map(tried, range(60))).count(True) == throttle.PAIR.free


def test_r34_a_first_sign_in_in_two_tabs_makes_one_account(store: Store, pool: ThreadPoolExecutor) -> None:
    account = NewAccount(name="octocat", password=None, issuer="https://github.com", subject="1")

    def join(_: int) -> bool:
        try:
            store.accounts.links.join(account, time.time())
        except NameTaken:
            return False
        return True

    assert list(pool.map(join, range(4))).count(True) == 1
