"""What is written for nginx and read back: any name of a version and any value of a header, and no other words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.nginx_conf import is_ours, nothing, state_in, token_in, written
from pilotage.adapters.routers.nginx_settings import Settings
from pilotage.adapters.routers.nginx_state import state_for, state_of
from pilotage.model.traffic import HeaderRoute, Mirror, Split

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=128)
VALUES = st.text(st.characters(codec="utf-8", min_codepoint=32), max_size=60)
TOKEN = "0123456789abcdef" * 2
ADDRESSES = st.tuples(st.sampled_from(["127.0.0.1", "::1", "10.0.0.1"]), st.integers(1, 65535))


def settings(*, lua: bool) -> Settings:
    return Settings(name="shop in production", file="/etc/nginx/p/a.conf", control=("127.0.0.1", 9101), lua=lua)


@given(NAMES, NAMES, VALUES, st.lists(ADDRESSES, min_size=1, max_size=5), st.booleans(), st.booleans())
def test_r28_what_the_file_says_is_what_was_set(
    new: str, old: str, value: str, places: list[tuple[str, int]], closed: bool, lua: bool
) -> None:
    weights = ((new, 300), (old, 700)) if new != old else ((new, 1000),)
    split = Split(weights, (HeaderRoute("X-Test", value, new),), closed=closed)
    state = state_for(split, {new: places, old: places})
    text = written(settings(lua=lua), state, TOKEN).http
    assert state_of(state_in(text)) == state
    assert (state.split, state.endpoints[old]) == (split, frozenset(places))
    assert (token_in(text), is_ours(text)) == (TOKEN, True)
    assert max(map(len, text.encode().splitlines())) < 4096, "nginx reads through a buffer of that size"


@given(st.booleans())
def test_a_file_of_nothing_says_nothing(lua: bool) -> None:
    text = nothing(settings(lua=lua)).http
    assert (state_in(text), token_in(text), is_ours(text)) == ("", "", True)


@given(st.text())
def test_what_is_no_state_is_refused(text: str) -> None:
    try:
        state_of(text)
    except ValueError:
        return


@pytest.mark.parametrize("header", ["x_test", "x test", "x;", "", "$pid", "x" * 101])
def test_headers_that_nginx_would_not_see_are_refused(header: str) -> None:
    split = Split((("1", 1000),), (HeaderRoute(header, "yes", "1"),))
    with pytest.raises(AdapterError, match=re.escape(f"cannot route by the header {header!r}")):
        state_for(split, {"1": [("127.0.0.1", 1)]})


def test_a_mirror_is_refused() -> None:
    with pytest.raises(AdapterError, match="cannot mirror"):
        state_for(Split((("1", 1000),), mirror=Mirror("1", 10)), {"1": [("127.0.0.1", 1)]})


def test_mode_lua_needs_no_reload_for_a_split() -> None:
    backends = {"1": [("127.0.0.1", 1)], "2": [("127.0.0.1", 2)]}
    for lua in (True, False):
        one, two = (
            written(settings(lua=lua), state_for(Split(weights), backends), TOKEN)
            for weights in ((("1", 1000),), (("2", 5), ("1", 995)))
        )
        assert one.http != two.http
        assert (one.config == two.config) is lua
