"""A service that moves in: until Pilotage leads its users somewhere, they stay with the servers that they had (R28)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pilotage.adapters.routers.haproxy import HAProxyRouter
from pilotage.adapters.routers.haproxy_lines import lines_of
from pilotage.model.traffic import Split
from pilotage.testing import Version

from .haproxy import HAProxyUnderTest, haproxy_in

pytestmark = pytest.mark.real


@pytest.fixture
def routed(tmp_path: Path) -> Iterator[HAProxyUnderTest]:
    """Behind its own lines the frontend has the server that it led to before."""
    with haproxy_in(tmp_path) as under_test:
        router = under_test.router
        assert isinstance(router, HAProxyRouter)
        under_test.operated.write((*lines_of(router.settings), "default_backend neighbour"))
        under_test.operated.reload()
        yield under_test


def test_users_keep_their_servers_until_the_first_split(
    routed: HAProxyUnderTest, versions: Callable[[str], Version]
) -> None:
    assert {routed.ask(user=f"u{n}") for n in range(30)} == {"the neighbour"}
    assert routed.router.read() is None
    routed.operated.reload()
    assert routed.ask() == "the neighbour"
    routed.take(Split((("1.0", 1000),)), {"1.0": [versions("1.0").address]})
    assert {routed.ask(user=f"u{n}") for n in range(30)} == {"1.0"}


def test_after_the_first_split_nobody_falls_back_to_what_was_there_before(
    routed: HAProxyUnderTest, versions: Callable[[str], Version]
) -> None:
    """Servers that Pilotage does not know may run anything by then."""
    routed.take(Split((("1.0", 1000),)), {"1.0": [versions("1.0").address]})
    routed.take(Split((("1.0", 1000),), closed=True), {"1.0": [versions("1.0").address]})
    assert routed.answer().status == 503
    routed.router.stop()
    assert routed.answer().status == 503
