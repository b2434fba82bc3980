"""A split as HAProxy's map, for any versions and weights: it comes back whole, and a larger weight only adds users."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.haproxy_lines import Settings, include_of, servers_in
from pilotage.adapters.routers.haproxy_map import (
    SLOTS,
    Slots,
    entries_in,
    entries_of,
    owner_in,
    slots_for,
    split_in,
    text_of,
)
from pilotage.model.traffic import WHOLE, HeaderRoute, Split, split_between

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
VERSIONS = st.lists(TEXT.filter(bool), min_size=2, max_size=4, unique=True)


@st.composite
def splits(draw: st.DrawFn) -> Split:
    versions = draw(VERSIONS)
    cuts = sorted(draw(st.sets(st.integers(1, WHOLE - 1), min_size=len(versions) - 1, max_size=len(versions) - 1)))
    weights = [b - a for a, b in zip([0, *cuts], [*cuts, WHOLE], strict=True)]
    routes = draw(
        st.lists(
            st.builds(HeaderRoute, st.sampled_from(["X-Release", "x-tier"]), TEXT, st.sampled_from(versions)),
            max_size=2,
            unique_by=lambda route: (route.header.lower(), route.value),
        )
    )
    return Split(tuple(zip(versions, weights, strict=True)), tuple(routes), closed=draw(st.booleans()))


def _entries(split: Split, before: dict[str, str]) -> dict[str, str]:
    slots = slots_for([version for version, _ in split.weights], before, ())
    return entries_of(split, slots, owner="shop/a b", token="secret")


@given(splits(), splits())
def test_a_split_comes_back_from_the_file_whatever_was_there_before(before: Split, split: Split) -> None:
    entries = entries_in(text_of(_entries(split, _entries(before, {}))))
    assert (split_in(entries), owner_in(entries)) == (split, "shop/a b")
    assert "secret" not in text_of(entries)


@given(st.integers(1, WHOLE), st.integers(1, WHOLE))
def test_rule_11_a_larger_weight_only_adds_buckets(one: int, other: int) -> None:
    less, more = sorted((one, other))
    slots = Slots({"2.0": "2", "1.0": "1"}, "2")

    def canary(weight: int) -> set[str]:
        found = entries_of(split_between("2.0", weight, "1.0"), slots, owner="", token="")
        return {key for key, value in found.items() if key.endswith("/") and value == "2"}

    assert len(canary(less)) == less
    assert canary(less) <= canary(more)


@given(st.dictionaries(TEXT, TEXT))
def test_entries_of_others_are_no_split_or_an_error(entries: dict[str, str]) -> None:
    with pytest.raises(AdapterError, match="entries that Pilotage did not write"):
        split_in({**entries, "split": "1.0:1000"})


def test_a_new_version_takes_the_slot_after_the_last_one_and_never_one_with_servers() -> None:
    entries: dict[str, str] = {}
    taken = []
    for n in range(12):
        busy = {"4"} if n == 3 else set()
        slots = slots_for([f"{n}.0"], entries, busy)
        entries = entries_of(Split(((f"{n}.0", WHOLE),)), slots, owner="", token="")
        taken.append(slots.of[f"{n}.0"])
    assert taken == ["1", "2", "3", "5", "6", "7", "8", "1", "2", "3", "4", "5"]
    with pytest.raises(AdapterError, match="8 versions at once are the most"):
        slots_for(["new"], {}, SLOTS)


def test_the_servers_of_an_included_file_are_read_back() -> None:
    settings = Settings(address="/a.sock", folder="/etc/p", name="shop-1", headers=("x-a",), synthetic=True, http2=True)
    servers = {"1": {("web1", 80): "10.0.0.1", ("::1", 8080): "::1"}, "8": {("10.0.0.2", 65535): "10.0.0.2"}}
    assert servers_in(include_of(settings, servers)) == servers
    assert servers_in("backend shop-1-2\n    server one 10.0.0.1:80\n\x00\n    server a_b\n") == {}
