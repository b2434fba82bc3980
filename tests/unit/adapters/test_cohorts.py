"""Members of a cohort (R33) as Envoy, HAProxy and nginx have them: for any names they come back whole, and what
somebody changed does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotage.adapters.cohorts import members_of, with_members, without_members
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.envoy_read_back import split_of
from pilotage.adapters.routers.envoy_resources import Settings, Sticky
from pilotage.adapters.routers.envoy_routes import routes_of
from pilotage.adapters.routers.haproxy_lines import Settings as HAProxySettings
from pilotage.adapters.routers.haproxy_lines import lines_of, uses_of_map
from pilotage.adapters.routers.haproxy_map import entries_in, entries_of, slots_for, split_in, text_of
from pilotage.adapters.routers.nginx_state import State, state_of
from pilotage.model.capabilities import RouterCapabilities, together
from pilotage.model.traffic import WHOLE, HeaderRoute, Mirror, Split
from pilotage.testing.contracts.router_cohorts import ODD, cohort_of, with_cohort

NAME = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60).filter(
    lambda name: name == name.strip(" ")
)


@st.composite
def splits(draw: st.DrawFn) -> Split:
    versions = draw(st.lists(st.sampled_from(["2.0", "1.0", "1.0~baseline", "ü%"]), min_size=2, unique=True))
    cuts = sorted(draw(st.sets(st.integers(1, WHOLE - 1), min_size=len(versions) - 1, max_size=len(versions) - 1)))
    weights = [b - a for a, b in zip([0, *cuts], [*cuts, WHOLE], strict=True)]
    split = Split(tuple(zip(versions, weights, strict=True)), closed=draw(st.booleans()))
    return with_cohort(split, draw(st.lists(NAME, min_size=1, max_size=8, unique=True)))


@given(splits())
def test_a_split_with_a_cohort_comes_back_from_every_router(split: Split) -> None:
    routes = (HeaderRoute("x-release", "canary", split.weights[0][0]),)
    for settings in (Settings(("", 0)), Settings(("", 0), Sticky("s"), synthetic=True, retry_idempotent=True)):
        for one in (split, replace(split, header_routes=routes), replace(split, mirror=Mirror("3.0", 100))):
            wanted = replace(one, mirror=None) if one.closed else one  # nothing is mirrored then
            assert split_of(routes_of(settings, wanted, "secret")) == wanted
    slots = slots_for([version for version, _ in split.weights], {}, ())
    entries = entries_of(split, slots, owner="shop/production", token="secret")
    assert split_in(entries_in(text_of(entries))) == split
    assert state_of(State(split, {}).text).split == split


@given(splits(), st.data())
def test_an_entry_of_haproxy_that_somebody_changed_is_another_cohort_or_an_error(
    split: Split, data: st.DataObject
) -> None:
    wanted = replace(split, closed=False)
    slots = slots_for([version for version, _ in split.weights], {}, ())
    entries = entries_of(wanted, slots, owner="", token="")
    key = data.draw(st.sampled_from([key for key in entries if key.endswith((":cohort", ":others"))]))
    changed = data.draw(st.sampled_from([{**entries, key: "7"}, {k: v for k, v in entries.items() if k != key}]))
    try:
        shown = split_in(changed)
    except AdapterError:
        return
    assert shown != wanted


def test_what_an_old_route_of_a_closed_service_is_called_is_still_read() -> None:
    closed = Split((("2.0", 100), ("1.0", 900)), closed=True)
    assert split_of(routes_of(Settings(("", 0)), closed, "")) == closed


def test_members_are_those_of_the_digest_or_nothing_happens() -> None:
    told = cohort_of("2.0", ["b", "a"])
    assert members_of(told, 2) == ("a", "b")
    assert members_of(cohort_of("2.0", ODD), 100) == tuple(sorted(ODD))
    for wrong, why in (
        (replace(told, members=("a", "c")), "not those 2 that are listed"),
        (replace(told, members=()), "not those 0 that are listed"),
        (cohort_of("2.0", ["a", "b", "c"]), "too large"),
        (cohort_of("2.0", [""]), "is empty"),
        (cohort_of("2.0", ["a\r\nx: y"]), "control characters"),
        (cohort_of("2.0", [" a"]), "space"),
        (cohort_of("2.0", ["ü" * 600]), "longer than 1,024 bytes"),
    ):
        with pytest.raises(AdapterError, match=why):
            members_of(wrong, 2)


def test_a_report_leaves_members_out_and_they_are_found_by_their_digest() -> None:
    split = with_cohort(Split((("2.0", 100), ("1.0", 900))), ["a", "b"])
    shown = without_members(split)
    assert (shown, shown.cohort and shown.cohort.members) == (split, ())
    known = with_members(shown, {cohort_of("2.0", ["a", "b"]).digest: ("a", "b")}.__getitem__)
    assert known.cohort
    assert known.cohort.members == ("a", "b")


def test_several_routers_together_take_the_cohorts_that_each_takes() -> None:
    envoy, haproxy = RouterCapabilities(cohort=50), RouterCapabilities(cohort=10, cohort_headers=("x-tenant",))
    both = together((envoy, haproxy))
    assert (both.cohort, both.cohort_headers) == (10, ("x-tenant",))
    assert together((envoy, haproxy, RouterCapabilities())).cohort == 0
    assert together((haproxy, replace(haproxy, cohort_headers=("x-account",)))).cohort == 0


def test_haproxys_lines_know_tenants_only_where_the_section_says_so() -> None:
    without = HAProxySettings(address="/a", folder="/etc/p", name="shop", cookie="s", headers=("x-release",))
    known = replace(without, tenants="x-tenant")
    assert (uses_of_map(without), uses_of_map(known)) == (3, 6)
    more = [line for line in lines_of(known) if line not in lines_of(without)]
    assert [":others" in more[0], ":cohort" in more[1], len(more)] == [True, True, 2]
    assert lines_of(known).index(more[1]) < next(n for n, line in enumerate(lines_of(known)) if "x-release" in line)
