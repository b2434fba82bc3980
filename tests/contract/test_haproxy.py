"""The router `haproxy` before a real HAProxy that somebody else runs: the whole contract, and what only it promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
import urllib3

from pilotage.adapters.haproxy_runtime import Runtime, Wanted
from pilotage.adapters.own_requests import SYNTHETIC_HEADER
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.found import found_router
from pilotage.adapters.routers.haproxy_adapter import ADAPTER
from pilotage.model.traffic import HeaderRoute, Split, split_between
from pilotage.testing import Version
from pilotage.testing.contracts.router import RouterContract

from .haproxy import HAProxyUnderTest, Operated, answers, halves, haproxy_in

pytestmark = pytest.mark.real
Versions = Callable[[str], Version]
ONE = Split((("1.0", 1000),))


@pytest.fixture
def routed(tmp_path: Path) -> Iterator[HAProxyUnderTest]:
    with haproxy_in(tmp_path) as under_test:
        yield under_test


class TestHAProxy(RouterContract):
    """What holds for every router (R28); below is what only this one promises."""


# ── what the configuration says ────────────────────────────────────────────────────────────────────────────


def test_lines_that_are_missing_are_said_and_the_files_that_they_name_are_there(
    routed: HAProxyUnderTest, tmp_path: Path
) -> None:
    """Before a rollout: the first deployment says which lines to add, and HAProxy starts with them."""
    bare = Operated(tmp_path / "bare", tmp_path / "new" / "shop.cfg")
    bare.start()
    section = routed.section.model_copy(update={"address": str(bare.socket), "files": str(tmp_path / "new")})
    assert ADAPTER.lacks
    assert ADAPTER.examine
    try:
        said = ADAPTER.lacks(section, tmp_path, "1.0")
        assert said.endswith("and restart it. Then deploy again"), "it has written the file"
        lines = [line.strip() for line in said.splitlines() if line.startswith("    ")]
        (finding,) = ADAPTER.examine(section, routed.context())
        assert finding.result == "FAIL"
        assert finding.sentence == said.replace("Then deploy again", "`pilotage deploy` writes the file")
        bare.write(tuple(lines[:-2]))
        bare.reload()
        assert "does not have" in said
        assert "has other lines than" in ADAPTER.lacks(section, tmp_path, "1.0")
        bare.write(tuple(lines))
        bare.kill()
        bare.start()
        assert ADAPTER.lacks(section, tmp_path, "1.0") == ""
        (finding,) = ADAPTER.examine(section, routed.context())
        assert (finding.result, finding.sentence) == ("PASS", f"2.6 at {bare.socket}")
    finally:
        bare.end()


def test_changed_settings_are_loaded_by_the_command_that_reloads(tmp_path: Path, versions: Versions) -> None:
    (tmp_path / "page.html").write_text("<h1>Back at noon</h1>")
    with haproxy_in(tmp_path) as routed:
        routed.take(ONE, {"1.0": [versions("1.0").address]})
        assert routed.operated.process
        reload = ["kill", "-USR2", str(routed.operated.process.pid)]
        section = routed.section.model_copy(update={"maintenance_page": "page.html", "reload": reload})
        assert ADAPTER.examine
        assert [finding.result for finding in ADAPTER.examine(section, routed.context())] == ["WARN"]
        closed = Split((("1.0", 1000),), closed=True)
        ADAPTER.open(section, routed.context()).apply(closed, {"1.0": []})
        assert routed.answer().data == b"<h1>Back at noon</h1>"
        assert [finding.result for finding in ADAPTER.examine(section, routed.context())] == ["PASS"]


def test_a_header_route_that_the_lines_do_not_follow_is_an_error_and_the_way_back_goes_on(
    routed: HAProxyUnderTest, versions: Versions
) -> None:
    """Observed, not believed: the map would show the route."""
    _, backends = halves(routed, versions)
    section = routed.section.model_copy(update={"headers": ["x-release", "x-tier"]})
    router = ADAPTER.open(section, routed.context())
    with pytest.raises(AdapterError, match="has other lines than those of shop"):
        router.apply(split_between("2.0", 400, "1.0", (HeaderRoute("x-tier", "beta", "2.0"),)), backends)
    router.apply(ONE, backends)
    assert router.read() == ONE


@pytest.mark.parametrize("host", ["a;shutdown sessions server shop-1/a", "fe80::1%x;show info", "-", ""])
def test_no_address_of_an_instance_is_a_command(host: str, routed: HAProxyUnderTest) -> None:
    with pytest.raises(AdapterError, match=r"is not a host|cannot be resolved"):
        routed.router.apply(ONE, {"1.0": [(host, 80)]})


def test_a_header_that_no_line_looks_at_is_refused(routed: HAProxyUnderTest, versions: Versions) -> None:
    backends = {"1.0": [versions("1.0").address]}
    with pytest.raises(AdapterError, match="do not look at the header x-cohort"):
        routed.router.apply(Split((("1.0", 1000),), (HeaderRoute("x-cohort", "a b", "1.0"),)), backends)


@pytest.mark.parametrize("sticky", [None, {"header": "x-user-id"}])
def test_users_are_known_by_a_header_or_not_at_all(
    sticky: dict[str, str] | None, tmp_path: Path, versions: Versions
) -> None:
    with haproxy_in(tmp_path, sticky=sticky, headers=[], synthetic=False) as routed:
        backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
        routed.take(split_between("2.0", 500, "1.0"), backends)
        found = [{routed.ask(**{"x-user-id": f"u{n}"}) for _ in range(8)} for n in range(12)]
        assert {name for one in found for name in one} == {"1.0", "2.0"}
        assert all(len(one) == 1 for one in found) == (sticky is not None)
        assert (routed.can.sticky, routed.can.header_routes) == (sticky is not None, False)


@pytest.mark.parametrize("retry", [True, False])
def test_idempotent_requests_are_retried_by_a_switch_and_others_never(
    retry: bool, tmp_path: Path, versions: Versions
) -> None:
    with haproxy_in(tmp_path, retry_idempotent=retry) as routed:
        living, dying = versions("1.0"), versions("1.0")
        dying.dying = True
        routed.take(ONE, {"1.0": [living.address, dying.address]})
        assert all(_answered(routed, "GET") for _ in range(8)) == retry
        assert not all(_answered(routed, "POST") for _ in range(8))


def _answered(routed: HAProxyUnderTest, method: str) -> bool:
    """HAProxy closes a connection that it kept instead of an answer of 502."""
    try:
        return routed.answer(method=method).status == 200
    except urllib3.exceptions.ProtocolError:
        return False


def test_while_closed_testers_reach_their_version_and_requests_of_pilotage_do_not(
    routed: HAProxyUnderTest, versions: Versions
) -> None:
    closed = Split((("1.0", 1000),), (HeaderRoute("X-Release", "canary", "2.0"),), closed=True)
    routed.take(closed, {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]})
    assert routed.ask(**{"x-release": "canary"}) == "2.0"
    assert routed.own
    assert routed.answer(**{SYNTHETIC_HEADER: routed.own()}).status == 503


@pytest.mark.parametrize("version", [(2, 4), (2, 5), (2, 6)])
def test_commands_for_earlier_versions_are_understood(
    version: tuple[int, int], routed: HAProxyUnderTest, versions: Versions
) -> None:
    """2.4 and 2.5 add servers in experimental mode alone, and 2.4 checks none that was added."""
    runtime, there = Runtime(str(routed.operated.socket)), versions("1.0").address
    process = replace(runtime.process(), version=version)
    runtime.add_servers([Wanted("shop-3", there, "127.0.0.1", options="check")], process)
    assert [(one.address, one.serves) for one in runtime.servers()["shop-3"]] == [(there, True)]
    runtime.remove_servers([f"shop-3/{there[0]}_{there[1]}"], process)
    assert "shop-3" not in runtime.servers()


class _Calls(grpc.GenericRpcHandler):  # type: ignore[misc]
    def service(self, _call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(lambda asked, _context: asked)


def test_grpc_reaches_instances_over_http2_also_after_a_reload(tmp_path: Path) -> None:
    server = grpc.server(ThreadPoolExecutor(4), handlers=[_Calls()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with haproxy_in(tmp_path, http2=True, bind="proto h2") as routed:
            routed.take(ONE, {"1.0": [("127.0.0.1", port)]})
            assert _called(routed) == b"one"
            routed.operated.reload()
            assert _called(routed) == b"one"
    finally:
        server.stop(0)


def _called(routed: HAProxyUnderTest) -> bytes:
    with grpc.insecure_channel(routed.url.removeprefix("http://")) as channel:
        answer: bytes = channel.unary_unary("/shop.Cart/Add")(b"one", timeout=5)
    return answer


def test_there_are_eight_versions_at_once_at_most(routed: HAProxyUnderTest) -> None:
    backends = {f"{n}.0": [("127.0.0.1", 4000 + n)] for n in range(9)}
    with pytest.raises(AdapterError, match="8 versions at once are the most"):
        routed.router.apply(Split((("0.0", 1000),)), backends)


def test_release_after_release_finds_a_slot_each(routed: HAProxyUnderTest, versions: Versions) -> None:
    there = versions("any").address
    for n in range(10):
        routed.router.apply(Split(((f"{n}.0", 1000),)), {f"{n}.0": [there]})
    assert routed.router.read() == Split((("9.0", 1000),))


# ── without a store ────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_store_it_is_found_led_back_and_left_by_its_folder(
    routed: HAProxyUnderTest, versions: Versions
) -> None:
    assert found_router(routed.directory) is None
    split, backends = halves(routed, versions)
    here = found_router(routed.directory)
    assert here
    assert (here.runs(), here.died(), here.split()) == (True, False, split)
    assert set(here.addresses("1.0")) == set(backends["1.0"])
    assert here.lead_all("1.0", here.addresses("1.0"))
    assert set(answers(routed)[0]) | {answers(routed)[1]} == {"1.0"}
    assert here.stop(5) is False
    assert found_router(routed.directory) is None
    assert routed.answer().status == 503


def test_without_a_store_a_router_that_is_down_starts_where_it_was_led(
    routed: HAProxyUnderTest, versions: Versions
) -> None:
    split, backends = halves(routed, versions)
    routed.operated.kill()
    here = found_router(routed.directory)
    assert here
    assert (here.runs(), here.died(), here.split()) == (False, True, Split(split.weights))
    assert set(here.addresses("1.0")) == set(backends["1.0"])
    assert here.lead_all("1.0", backends["1.0"]) is False
    routed.operated.start()
    assert routed.router.read() == ONE
