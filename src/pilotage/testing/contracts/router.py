"""The Router port: every sentence of its contract that holds for all routers, with real requests."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

import pytest

from pilotage.adapters.own_requests import SYNTHETIC_HEADER
from pilotage.adapters.ports import AdapterError, Fenced
from pilotage.demo.traffic import closed_by_server
from pilotage.model.sampling import sampled
from pilotage.model.traffic import HeaderRoute, Mirror, Split, split_between
from pilotage.testing.contracts.router_cohorts import CohortContract
from pilotage.testing.harness import RouterUnderTest, User, wait_until
from pilotage.testing.service import Version

Versions = Callable[[str], Version]
ONE = Split((("1.0", 1000),))
STRANGE = "2.0-rc.1+b%7"


def _needs(routed: RouterUnderTest, capability: str) -> None:
    if not getattr(routed.can, capability):
        pytest.skip(f"its capabilities say that it has no {capability.replace('_', ' ')}")


def _wait_for_endpoints(routed: RouterUnderTest, wanted: Mapping[str, frozenset[tuple[str, int]]]) -> None:
    wait_until(lambda: routed.router.endpoints() == wanted, what=f"it does not send to {wanted} alone")


class RouterContract(CohortContract):
    """Give it a fixture `routed` with a `RouterUnderTest` whose split was never set.

    releases: how many follow each other while no request may be lost; fewer for a router that is slow to change.
    """

    releases = 10

    @pytest.fixture
    def versions(self) -> Iterator[Versions]:
        """Starts a version on demand, and stops them all."""
        running: list[Version] = []

        def start(name: str) -> Version:
            running.append(Version(name))
            return running[-1]

        yield start
        for version in running:
            version.end()

    def test_one_never_told_anything_reads_none(self, routed: RouterUnderTest) -> None:
        assert routed.router.read() is None

    def test_what_was_applied_is_read_back(self, routed: RouterUnderTest, versions: Versions) -> None:
        backends = {"1.0": [versions("1.0").address], STRANGE: [versions("2").address]}
        least = split_between(STRANGE, routed.weight(1), "1.0")
        for split in (ONE, least, split_between(STRANGE, 1000, "1.0")):
            routed.take(split, backends)
            assert routed.again().read() == split
        assert routed.ask() == "2"

    def test_versions_of_any_length_and_letters_are_told_apart(
        self, routed: RouterUnderTest, versions: Versions
    ) -> None:
        dotted, strange = "1." * 63 + "1", "ü" * 127 + "%"
        backends = {dotted: [versions("1").address], strange: [versions("2").address]}
        for split, answer in ((split_between(strange, 0, dotted), "1"), (split_between(strange, 1000, dotted), "2")):
            routed.take(split, backends)
            assert routed.ask() == answer

    def test_saying_it_twice_changes_nothing(self, routed: RouterUnderTest, versions: Versions) -> None:
        backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
        split = split_between("2.0", routed.weight(500), "1.0")
        routed.take(split, backends)
        endpoints = routed.router.endpoints()
        routed.router.apply(split, backends)
        assert (routed.router.read(), routed.router.endpoints()) == (split, endpoints)

    def test_users_get_the_weights(self, routed: RouterUnderTest, versions: Versions) -> None:
        backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
        for permille in (100, 500):
            weight = routed.weight(permille)
            routed.take(split_between("2.0", weight, "1.0"), backends)
            # Where users stay whatever the weights, a weight holds for those who come from then on.
            users = f"user-{permille if routed.can.keeps_users else 0}"

            def count(numbers: range, users: str = users) -> int:
                return sum(routed.ask(user=f"{users}-{n}") == "2.0" for n in numbers)

            found = sampled(count, 300, weight / 1000)
            assert found.fits, found

    def test_rule_11_raising_a_weight_moves_nobody_back(self, routed: RouterUnderTest, versions: Versions) -> None:
        _needs(routed, "sticky")
        backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
        users, before = [f"user-{n}" for n in range(120)], set[str]()
        for permille in (50, 250, 500):
            routed.take(split_between("2.0", routed.weight(permille), "1.0"), backends)
            canary = {user for user in users if routed.ask(user=user) == "2.0"}
            assert before <= canary
            before = canary
        assert {user for user in before if routed.ask(user=user) == "2.0"} == before

    def test_rule_11_users_without_a_cookie_stay_on_the_version_of_their_first_request(
        self, routed: RouterUnderTest, versions: Versions
    ) -> None:
        _needs(routed, "sticky")
        backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
        routed.take(split_between("2.0", routed.weight(500), "1.0"), backends)
        had = [{user.ask() for _ in range(3)} for user in (User(routed) for _ in range(40))]
        assert {len(found) for found in had} == {1}
        assert {name for found in had for name in found} == {"1.0", "2.0"}

    def test_testers_with_the_header_reach_their_version_whatever_the_weights(
        self, routed: RouterUnderTest, versions: Versions
    ) -> None:
        _needs(routed, "header_routes")
        backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
        routes = (HeaderRoute("x-release", "canary", "2.0"),)
        routed.take(split_between("2.0", routed.weight(1), "1.0", routes), backends)
        assert Counter(routed.ask(user=f"u{n}", **{"x-release": "canary"}) for n in range(50)) == {"2.0": 50}
        assert routed.router.read() == split_between("2.0", routed.weight(1), "1.0", routes)

    def test_a_mirror_copies_requests_and_throws_the_answers_away(
        self, routed: RouterUnderTest, versions: Versions
    ) -> None:
        _needs(routed, "mirror")
        old, new = versions("1.0"), versions("2.0")
        split = Split((("1.0", 1000),), mirror=Mirror("2.0", 1000))
        routed.take(split, {"1.0": [old.address], "2.0": [new.address]})
        assert {routed.ask(user=f"u{n}") for n in range(40)} == {"1.0"}
        wait_until(lambda: new.served == 40, what="not every request was copied")
        assert old.served == 40

    def test_requests_of_pilotage_are_known_by_a_secret_and_services_never_see_it(
        self, routed: RouterUnderTest, versions: Versions
    ) -> None:
        _needs(routed, "own_requests")
        if routed.own is None:
            pytest.skip("not configured to tell them apart here")
        version = versions("1.0")
        routed.take(ONE, {"1.0": [version.address]})
        secret = routed.own()
        for sent, seen in ((secret, "1"), ("1", None), ("true", None), (secret[:-1], None)):
            routed.ask(**{SYNTHETIC_HEADER: sent})
            assert version.asked[-1].get(SYNTHETIC_HEADER) == seen

    def test_no_request_is_lost_while_weights_change_and_versions_come_and_go(
        self, routed: RouterUnderTest, versions: Versions
    ) -> None:
        first = versions("1.0")
        routed.take(ONE, {"1.0": [first.address]})
        stopping, answers = threading.Event(), Counter[int | str]()

        def load(method: str) -> None:
            # Not urllib3: it takes three times the processor time, of which some is the router's.
            connection = HTTPConnection(urlsplit(routed.url).netloc, timeout=5.0)
            while not stopping.wait(0.01):
                try:
                    if closed_by_server(connection):
                        connection.close()
                    connection.request(method, urlsplit(routed.url).path or "/", body=b"x" * 100)
                    with connection.getresponse() as answer:
                        answer.read()
                    answers[answer.status] += 1
                except (OSError, HTTPException) as error:
                    connection.close()
                    answers[repr(error)] += 1
            connection.close()

        threads = [threading.Thread(target=load, args=(method,)) for method in ("GET", "POST") * 2]
        for thread in threads:
            thread.start()
        old, old_server = "1.0", first
        # What is not lossless takes its time with each change.
        for n in range(2, 2 + (self.releases if routed.can.lossless_switch else 2)):
            new, server = f"{n}.0", versions(f"{n}.0")
            backends = {old: [old_server.address], new: [server.address]}
            for permille in (50, 500, 1000):
                routed.take(split_between(new, routed.weight(permille), old), backends)
            routed.router.apply(Split(((new, 1000),)), {new: [server.address]})
            old, old_server = new, server
        wait_until(lambda: sum(answers.values()) > 200, what="hardly any request came through")
        stopping.set()
        for thread in threads:
            thread.join()
        if routed.can.lossless_switch:
            assert set(answers) == {200}
        else:
            # It says that it closes connections that are kept open; none of them may get a wrong answer.
            assert not {status for status in answers if isinstance(status, int)} - {200}

    def test_another_controller_finds_the_same_router(self, routed: RouterUnderTest, versions: Versions) -> None:
        backends = {"1.0": [versions("1.0").address]}
        routed.take(ONE, backends)
        second = routed.again(2)
        assert second.read() == ONE
        second.apply(ONE, backends)
        assert (second.read(), routed.ask()) == (ONE, "1.0")

    def test_a_killed_router_is_an_error_to_read_and_comes_back_when_told_again(
        self, routed: RouterUnderTest, versions: Versions
    ) -> None:
        if routed.kill is None:
            pytest.skip("another process runs the router")
        backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
        split = split_between("2.0", routed.weight(300), "1.0")
        routed.take(split, backends)
        routed.kill()
        with pytest.raises(AdapterError):
            routed.router.read()
        routed.take(split, backends)
        assert {routed.ask(user=f"u{n}") for n in range(50)} == {"1.0", "2.0"}

    def test_rule_4_a_controller_that_lost_its_lease_is_fenced_off(
        self, routed: RouterUnderTest, versions: Versions
    ) -> None:
        backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
        routed.router.apply(ONE, backends)
        routed.again(token=2).apply(ONE, backends)
        with pytest.raises(Fenced):
            routed.router.apply(split_between("2.0", routed.weight(500), "1.0"), backends)
        routed.wait_for(ONE)

    def test_a_version_without_an_instance_gets_no_traffic(self, routed: RouterUnderTest, versions: Versions) -> None:
        backends = {"1.0": [versions("1.0").address], "2.0": []}
        routed.router.apply(ONE, backends)
        with pytest.raises(AdapterError, match=r"no instance of 2\.0"):
            routed.router.apply(split_between("2.0", routed.weight(500), "1.0"), backends)
        routed.wait_for(ONE)

    def test_a_dead_instance_among_living_ones_loses_no_request(
        self, routed: RouterUnderTest, versions: Versions
    ) -> None:
        living, dying = versions("1.0"), versions("1.0")
        routed.take(ONE, {"1.0": [living.address, dying.address]})
        dying.end()
        if not routed.can.fails_over:
            _wait_for_endpoints(routed, {"1.0": frozenset([living.address])})
        assert Counter(routed.ask(user=f"u{n}") for n in range(60)) == {"1.0": 60}

    def test_rule_2_what_has_no_weight_any_more_may_keep_its_instances_and_gets_no_request(
        self, routed: RouterUnderTest, versions: Versions
    ) -> None:
        old, new = versions("1.0"), versions("2.0")
        backends = {"1.0": [old.address], "2.0": [new.address]}
        routed.take(split_between("2.0", routed.weight(500), "1.0"), backends)
        routed.take(ONE, backends)
        served = new.served
        assert {routed.ask(user=f"u{n}") for n in range(50)} == {"1.0"}
        assert new.served == served

    def test_while_closed_every_user_gets_503_and_opens_again(
        self, routed: RouterUnderTest, versions: Versions
    ) -> None:
        _needs(routed, "closed")
        backends = {"1.0": [versions("1.0").address]}
        routed.take(Split((("1.0", 1000),), closed=True), backends)
        assert {routed.answer(path).status for path in ("/", "/anything", "/healthz")} == {503}
        routed.take(ONE, backends)
        assert routed.ask() == "1.0"

    def test_while_closed_no_instance_is_needed(self, routed: RouterUnderTest) -> None:
        _needs(routed, "closed")
        routed.take(Split((("new", 1000),), closed=True), {"new": []})
        assert routed.answer().status == 503

    def test_endpoints_are_those_that_the_router_itself_sends_to(
        self, routed: RouterUnderTest, versions: Versions
    ) -> None:
        _needs(routed, "endpoints")
        assert routed.router.endpoints() is None
        one, two = versions("1.0"), versions("1.0")
        for addresses in ([one.address, two.address], [two.address]):
            routed.take(ONE, {"1.0": addresses})
            _wait_for_endpoints(routed, {"1.0": frozenset(addresses)})

    def test_stop_leaves_nothing_and_may_be_said_twice(self, routed: RouterUnderTest, versions: Versions) -> None:
        routed.take(ONE, {"1.0": [versions("1.0").address]})
        routed.router.stop()
        routed.router.stop()
        assert routed.router.read() is None

    def test_users_reach_it_where_it_says(self, routed: RouterUnderTest) -> None:
        assert routed.router.url() in ("", routed.url)
