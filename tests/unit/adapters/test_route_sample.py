"""Routes learned from a sample of paths: large ones, without what varies from request to request."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotage.adapters.route_sample import FEWEST, largest_routes, sampled_paths


def test_what_varies_ends_a_route() -> None:
    varying = ("17", "2026-11-25", "d2f1c0aa97b3", "0f8fad5b-d9cb-469f-a165-70867728950e", "AbC9xyz01")
    paths = [f"/users/{varying[n % 5]}/posts" for n in range(50)] + ["/"] * 50
    assert largest_routes(paths) == ("/users",)


def test_a_longer_route_stands_before_the_one_that_holds_it() -> None:
    """The first match wins, so the other order would leave the longer one without a request."""
    paths = [f"/api/users/{n}" for n in range(40)] + [f"/api/{n}" for n in range(60)] + ["/static/app.js"] * 30
    assert largest_routes(paths) == ("/api/users", "/static/app.js", "/api")


def test_a_small_route_is_part_of_the_rest() -> None:
    paths = ["/shop"] * 96 + ["/rare"] * 4 + ["/"] * 20
    assert largest_routes(paths) == ("/shop",)


def test_a_shorter_route_needs_its_share_without_the_longer_ones() -> None:
    paths = ["/api/users"] * 97 + ["/api/1"] * 3
    assert largest_routes(paths) == ("/api/users",)


def test_at_most_the_largest_eight() -> None:
    paths = [f"/{word}" for word in "abcdefghijkl" for _ in range(10)] + ["/a"] * 10
    learned = largest_routes(paths)
    assert len(learned) == 8
    assert learned[0] == "/a"


def test_a_few_paths_teach_nothing() -> None:
    assert largest_routes(["/shop"] * (FEWEST - 1)) == ()


def test_one_route_for_everything_tells_nothing_apart() -> None:
    assert largest_routes(["/shop/cart"] * 100) == ()
    assert largest_routes(["/shop"] * 100) == ()


@given(st.lists(st.text(alphabet="/ab1-.é%", max_size=30), max_size=200))
def test_whatever_was_asked_for_routes_are_usable(paths: list[str]) -> None:
    learned = largest_routes([f"/{path}" for path in paths])
    assert len(set(learned)) == len(learned) <= 8
    for index, route in enumerate(learned):
        assert route.startswith("/")
        assert len(route) > 1
        assert not any(route.startswith(earlier + "/") for earlier in learned[:index])


@pytest.mark.parametrize("torn", [b"", b"/sho", b"\xff\xfe"])
def test_a_sample_is_read_with_the_one_before_it(tmp_path: Path, torn: bytes) -> None:
    (tmp_path / "paths.log.1").write_bytes(b"/old\n")
    (tmp_path / "paths.log").write_bytes(b"/new\n-\n" + torn)
    assert sampled_paths(tmp_path)[:2] == ["/old", "/new"]
    assert sampled_paths(tmp_path / "none") == []
