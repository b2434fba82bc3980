"""What the Router port promises of cohorts (R33): their members get a version, and nobody else does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
import urllib3

from pilotage.adapters.ports import AdapterError
from pilotage.model.sampling import sampled
from pilotage.model.traffic import Cohort, HeaderRoute, Mirror, Split, split_between
from pilotage.model.wave import digest_of
from pilotage.testing.harness import RouterUnderTest, wait_until
from pilotage.testing.service import Version

Versions = Callable[[str], Version]
TENANT = "x-tenant"
ODD = (
    "Größe & Söhne", "a b  c", 'say "x"', "it's", "a;b=c", "$host ${host}", "{}", "a\\b", "%41", "^a.*$", "]]", "--",
    "Acme", "ACME", "a,b", "日本語", "x" * 256,
)  # fmt: skip
"""Names that a configuration language, a regex or a map could take for something else."""


def cohort_of(version: str, members: Iterable[str], header: str = TENANT) -> Cohort:
    told = tuple(members)
    return Cohort(header=header, version=version, digest=digest_of(told), size=len(told), members=told)


def with_cohort(split: Split, members: Iterable[str], header: str = TENANT) -> Split:
    """The split whose first version is that of a cohort."""
    return replace(split, cohort=cohort_of(split.weights[0][0], members, header))


def ask(routed: RouterUnderTest, *tenants: str, header: str = TENANT, cookie: str = "", **others: str) -> str:
    """Which version answers a request that has the tenant's header as often as there are values."""
    headers = urllib3.HTTPHeaderDict(others)
    for tenant in tenants:
        headers.add(header, tenant.encode().decode("latin-1"))
    if cookie:
        headers.add("cookie", cookie)
    answer = urllib3.request("GET", routed.url, headers=headers, timeout=5.0, retries=False)
    return answer.data.decode()


def _is_silent(routed: RouterUnderTest) -> bool:
    try:
        routed.router.read()
    except AdapterError:
        return True
    return False


class CohortContract:
    """Part of `RouterContract`. Every test begins with a half of the traffic on each of two versions."""

    @pytest.fixture
    def halves(self, routed: RouterUnderTest, versions: Versions) -> tuple[Split, dict[str, list[tuple[str, int]]]]:
        if not routed.can.cohort:
            pytest.skip("its capabilities say that it has no cohorts")
        backends = {name: [versions(name).address] for name in ("1.0", "2.0")}
        split = split_between("2.0", routed.weight(500), "1.0")
        routed.take(split, backends)
        return split, backends

    def test_r33_members_get_the_version_and_nobody_else_does_whatever_cookie_they_have(
        self, routed: RouterUnderTest, halves: tuple[Split, dict[str, list[tuple[str, int]]]]
    ) -> None:
        split, backends = halves
        wanted = with_cohort(split, ["acme", "Globex", "initech"])
        routed.take(wanted, backends)
        assert routed.again().read() == wanted
        for n in range(20):  # With cookies of users of either version.
            cookie = f"{routed.cookie}=user-{n}"
            assert {ask(routed, name, cookie=cookie) for name in ("acme", "Globex", "initech")} == {"2.0"}
            assert {ask(routed, *names, cookie=cookie) for names in ((), ("hooli",))} == {"1.0"}
        others = [("ACME",), ("globex",), ("",), ("acm",), ("acmee",), ("acme", "hooli"), ("hooli", "acme"), ("a,c",)]
        assert {names: ask(routed, *names) for names in others} == dict.fromkeys(others, "1.0")

    def test_r33_a_cohort_grows_and_ends(
        self, routed: RouterUnderTest, halves: tuple[Split, dict[str, list[tuple[str, int]]]]
    ) -> None:
        _, backends = halves
        tenants = [f"tenant-{n}" for n in range(12)]
        for size in (2, 6, 11):
            wanted = with_cohort(split_between("2.0", routed.weight(80 * size), "1.0"), tenants[:size])
            routed.take(wanted, backends)
            routed.router.apply(wanted, backends)
            got = [ask(routed, name) for name in tenants]
            assert (routed.router.read(), got) == (wanted, ["2.0"] * size + ["1.0"] * (12 - size))
        for weight in (500, 0):
            routed.take(split_between("2.0", routed.weight(weight), "1.0"), backends)
        assert {ask(routed, name) for name in tenants} == {"1.0"}

    def test_r33_a_name_is_compared_byte_by_byte(
        self, routed: RouterUnderTest, halves: tuple[Split, dict[str, list[tuple[str, int]]]]
    ) -> None:
        split, backends = halves
        wanted = with_cohort(split, ODD)
        routed.take(wanted, backends)
        assert {name: ask(routed, name) for name in ODD} == dict.fromkeys(ODD, "2.0")
        others = ["acme", "aCME", "A", "x" * 255, "x" * 257, "a", "ab", "host", "日本", "größe & söhne", "a b c"]
        assert {name: ask(routed, name) for name in others} == dict.fromkeys(others, "1.0")

    def test_r33_testers_come_first_and_mirror_and_closed_work_as_ever(
        self, routed: RouterUnderTest, versions: Versions, halves: tuple[Split, dict[str, list[tuple[str, int]]]]
    ) -> None:
        split, backends = halves
        routes = (HeaderRoute("x-release", "canary", "2.0"), HeaderRoute("x-release", "stable", "1.0"))
        wanted = with_cohort(split, ["acme"])
        if routed.can.header_routes:
            routed.take(replace(wanted, header_routes=routes), backends)
            assert [ask(routed, name, **{"x-release": "stable"}) for name in ("acme", "hooli")] == ["1.0", "1.0"]
            assert [ask(routed, name, **{"x-release": "canary"}) for name in ("acme", "hooli")] == ["2.0", "2.0"]
            assert [ask(routed, name, **{"x-release": "other"}) for name in ("acme", "hooli")] == ["2.0", "1.0"]
        if routed.can.mirror:
            third = versions("3.0")
            mirrored = replace(wanted, mirror=Mirror("3.0", 1000))
            routed.take(mirrored, {**backends, "3.0": [third.address]})
            assert [ask(routed, name) for name in ("acme", "hooli")] == ["2.0", "1.0"]
            wait_until(lambda: third.served == 2, what="not every request was copied")
        if routed.can.closed:
            routed.take(replace(wanted, closed=True), backends)
            headers = {TENANT: "acme"}
            assert {routed.answer(**headers).status, routed.answer().status} == {503}
            routed.take(wanted, backends)
            assert [ask(routed, name) for name in ("acme", "hooli")] == ["2.0", "1.0"]

    def test_r33_everybody_else_gets_the_other_versions_in_proportion(
        self, routed: RouterUnderTest, versions: Versions, halves: tuple[Split, dict[str, list[tuple[str, int]]]]
    ) -> None:
        _, backends = halves
        weight = routed.weight(200)
        shares = (("2.0", weight), ("1.0", 800 - 2 * weight), ("1.0~baseline", 200 + weight))
        wanted = with_cohort(Split(shares), ["acme"])
        routed.take(wanted, {**backends, "1.0~baseline": [versions("base").address]})
        got = list[str]()

        def count(numbers: range) -> int:
            got.extend(ask(routed, cookie=f"{routed.cookie}=user-{n}") for n in numbers)
            return got[numbers.start :].count("base")

        found = sampled(count, 200, (200 + weight) / (1000 - weight))
        assert set(got) == {"1.0", "base"}
        assert found.fits, found
        assert {ask(routed, "acme", cookie=f"{routed.cookie}=user-{n}") for n in range(10)} == {"2.0"}

    def test_r33_five_thousand_members_outlive_controller_and_router(
        self, routed: RouterUnderTest, halves: tuple[Split, dict[str, list[tuple[str, int]]]]
    ) -> None:
        split, backends = halves
        tenants = [f"tenant-{n:05}.customers.example.org" for n in range(min(5000, routed.can.cohort))]
        wanted = with_cohort(split, tenants)
        routed.take(wanted, backends)
        some = [*tenants[:: len(tenants) // 20], tenants[-1]]

        def served() -> tuple[Split | None, set[str], str]:
            return routed.again().read(), {ask(routed, name) for name in some}, ask(routed, "tenant-5")

        assert served() == (wanted, {"2.0"}, "1.0")
        routed.again(2).apply(wanted, backends)
        assert served() == (wanted, {"2.0"}, "1.0")
        if routed.kill:
            routed.kill()
            routed.router = routed.again(2)
            wait_until(lambda: _is_silent(routed), what="the killed router still answers")
            routed.take(wanted, backends)
            assert served() == (wanted, {"2.0"}, "1.0")

    def test_r33_a_list_that_is_not_the_cohort_changes_nothing(
        self, routed: RouterUnderTest, halves: tuple[Split, dict[str, list[tuple[str, int]]]]
    ) -> None:
        split, backends = halves
        wanted = with_cohort(split, ["acme", "hooli"])
        assert wanted.cohort
        wrong = [
            replace(wanted.cohort, members=()),
            replace(wanted.cohort, members=("acme", "globex")),
            cohort_of("2.0", ["acme", ""]),
            cohort_of("2.0", ["acme", "a\nb"]),
            cohort_of("2.0", ["acme", " hooli"]),
            replace(wanted.cohort, size=routed.can.cohort + 1),
        ]
        for cohort in wrong:
            with pytest.raises(AdapterError):
                routed.router.apply(replace(split, cohort=cohort), backends)
        assert routed.router.read() == split

    def test_r33_a_router_without_cohorts_refuses_one(self, routed: RouterUnderTest, versions: Versions) -> None:
        """Weights would send random users to the version."""
        if routed.can.cohort:
            pytest.skip("it has cohorts")
        backends = {name: [versions(name).address] for name in ("1.0", "2.0")}
        split = split_between("2.0", routed.weight(500), "1.0")
        with pytest.raises(AdapterError, match="cohort"):
            routed.router.apply(with_cohort(split, ["acme"]), backends)
