"""An HAProxy that others reload, restart and change while Pilotage uses it, and one that does not answer (R28)."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import pytest
import urllib3

from pilotage.adapters import haproxy_runtime
from pilotage.adapters.haproxy_runtime import Runtime
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.resolving import Unresolved
from pilotage.adapters.routers import haproxy_former
from pilotage.adapters.routers.found import found_router
from pilotage.adapters.routers.haproxy_adapter import ADAPTER
from pilotage.model.traffic import Split
from pilotage.testing import Version, wait_until

from .haproxy import HAProxyUnderTest, answers, halves, haproxy_in

pytestmark = pytest.mark.real
Versions = Callable[[str], Version]
ONE = Split((("1.0", 1000),))


@pytest.fixture
def routed(tmp_path: Path) -> Iterator[HAProxyUnderTest]:
    with haproxy_in(tmp_path) as under_test:
        yield under_test


def test_a_reload_by_somebody_else_keeps_split_users_and_instances(
    routed: HAProxyUnderTest, versions: Versions
) -> None:
    """R28: dynamic servers and maps are lost at a reload unless the files say the same."""
    split, backends = halves(routed, versions)
    before = answers(routed)
    routed.operated.reload()
    assert routed.router.read() == split
    assert answers(routed) == before
    assert routed.router.endpoints() == {name: frozenset(there) for name, there in backends.items()}
    routed.take(ONE, backends)
    assert set(answers(routed)[0]) == {"1.0"}


def test_a_restart_keeps_split_users_and_instances(routed: HAProxyUnderTest, versions: Versions) -> None:
    split, _ = halves(routed, versions)
    before = answers(routed)
    routed.operated.kill()
    with pytest.raises(AdapterError, match="does not answer at"):
        routed.router.read()
    routed.operated.start()
    assert routed.router.read() == split
    assert answers(routed) == before


def test_while_haproxy_is_down_a_split_is_an_error_and_what_it_starts_with(
    routed: HAProxyUnderTest, versions: Versions
) -> None:
    """Rule 7: a way back is not lost because the balancer is being restarted."""
    _, backends = halves(routed, versions)
    routed.operated.kill()
    with pytest.raises(AdapterError, match="does not answer at"):
        routed.router.apply(ONE, backends)
    routed.operated.start()
    assert routed.router.read() == ONE
    assert set(answers(routed)[0]) == {"1.0"}


def test_files_that_somebody_put_back_are_put_right_at_the_next_call(
    routed: HAProxyUnderTest, versions: Versions
) -> None:
    """A configuration management that knows an older state, and a reload of it."""
    kept = {path: path.read_bytes() for path in routed.files.iterdir()}
    split, backends = halves(routed, versions)
    for path, content in kept.items():
        path.write_bytes(content)
    routed.operated.reload()
    assert routed.router.read() is None
    routed.take(split, backends)
    assert set(answers(routed)[0]) == {"1.0", "2.0"}
    routed.operated.reload()
    assert routed.router.read() == split


def test_weights_that_somebody_changed_are_an_error_or_another_split_and_put_right(
    routed: HAProxyUnderTest, versions: Versions
) -> None:
    split, backends = halves(routed, versions)
    runtime, file = Runtime(str(routed.operated.socket)), routed.files / "shop.map"
    runtime.ask(f"set map {file} 0/ nowhere")
    with pytest.raises(AdapterError, match="entries that Pilotage did not write"):
        routed.router.read()
    runtime.ask(f"set map {file} 0/ 1")
    assert routed.router.read() not in (None, split)
    routed.take(split, backends)


def test_a_server_that_somebody_drained_serves_again(routed: HAProxyUnderTest, versions: Versions) -> None:
    split, backends = halves(routed, versions)
    host, port = backends["2.0"][0]
    Runtime(str(routed.operated.socket)).drain_server("shop-2", f"{host}_{port}")
    assert "2.0" not in (routed.router.endpoints() or {})
    routed.take(split, backends)
    assert "2.0" in (routed.router.endpoints() or {})


def test_what_is_not_ours_stays(routed: HAProxyUnderTest, versions: Versions) -> None:
    """R28: the configuration is its owner's, a neighbour's server keeps the state that somebody gave it, and a backend
    whose name begins as ours do is not ours."""
    text, runtime = routed.operated.config.read_bytes(), Runtime(str(routed.operated.socket))
    runtime.enable_server("neighbour", "one")
    halves(routed, versions)
    routed.router.stop()
    assert routed.operated.config.read_bytes() == text
    there = {name: [one.serves for one in found] for name, found in runtime.servers().items()}
    assert (there["neighbour"], there["shop-legacy"]) == ([True], [True])
    answer = urllib3.request("GET", f"http://127.0.0.1:{routed.operated.neighbour}/")
    assert answer.data == b"the neighbour"


def test_after_a_stop_users_get_503_and_haproxy_still_starts(routed: HAProxyUnderTest, versions: Versions) -> None:
    halves(routed, versions)
    routed.router.stop()
    for again in (routed.operated.kill, routed.operated.start, lambda: None):
        again()
    assert (routed.answer().status, routed.router.read(), routed.router.endpoints()) == (503, None, None)


def test_defaults_of_others_change_nothing(tmp_path: Path, versions: Versions) -> None:
    """A state file that is old, servers that HAProxy does not delete, and a balance that adds none at run time."""
    defaults = (
        "load-server-state-from-file global\n    balance source\n    retries 0\n    option http-server-close\n    "
        "default-server resolvers none-such init-addr none"
    )
    with haproxy_in(tmp_path, defaults=defaults) as routed:
        split, backends = halves(routed, versions)
        before = answers(routed)
        runtime = Runtime(str(routed.operated.socket))
        left = backends["1.0"][1]
        (routed.operated.socket.parent / "state").write_text(
            runtime.ask("show servers state").replace(f"{left[1]} ", "9 ")
        )
        routed.operated.reload()
        assert (routed.router.read(), answers(routed)) == (split, before)
        routed.take(split, {**backends, "1.0": backends["1.0"][:1]})
        assert sorted(one.serves for one in runtime.servers()["shop-1"]) == [False, True]
        routed.operated.reload()
        assert [one.serves for one in runtime.servers()["shop-1"]] == [True]
        assert answers(routed) == before


def test_where_no_instance_answers_users_get_the_page_with_503(routed: HAProxyUnderTest, versions: Versions) -> None:
    only = versions("1.0")
    routed.take(ONE, {"1.0": [only.address]})
    only.end()
    answer = routed.answer()
    assert (answer.status, b"<h1>Closed for maintenance</h1>" in answer.data) == (503, True)


def test_an_instance_that_serves_requests_is_removed_when_they_end(
    routed: HAProxyUnderTest, versions: Versions
) -> None:
    """HAProxy refuses to delete a server that has connections, so it stays without new ones until a later call."""
    old, new = versions("1.0"), versions("1.0")
    routed.take(ONE, {"1.0": [old.address]})
    statuses: list[int] = []
    asking = threading.Thread(target=lambda: statuses.append(routed.answer("/slow").status))
    asking.start()
    wait_until(lambda: old.connections, what="the request does not arrive")
    routed.take(ONE, {"1.0": [new.address]})
    asking.join()
    assert statuses == [200]
    runtime = Runtime(str(routed.operated.socket))

    def removed() -> bool:
        routed.router.apply(ONE, {"1.0": [new.address]})
        return len(runtime.servers()["shop-1"]) == 1

    wait_until(removed, seconds=20, what="the drained server stays")


def test_another_environment_may_not_use_the_same_name(routed: HAProxyUnderTest, versions: Versions) -> None:
    halves(routed, versions)
    other = ADAPTER.open(routed.section, replace(routed.context(), environment="staging", directory=routed.place / "o"))
    with pytest.raises(AdapterError, match="shop belongs to shop/production in this HAProxy"):
        other.apply(ONE, {"1.0": [("127.0.0.1", 1)]})


def test_no_request_is_lost_while_instances_are_replaced_and_somebody_reloads(
    routed: HAProxyUnderTest, versions: Versions
) -> None:
    first = versions("1.0")
    routed.take(ONE, {"1.0": [first.address]})
    stopping, statuses = threading.Event(), Counter[int | str]()

    def load(method: str) -> None:
        pool = urllib3.PoolManager(maxsize=1)
        while not stopping.is_set():
            try:
                # A kept connection may be closed under a request when HAProxy reloads, whoever asked for that.
                asked = pool.request(method, routed.url, headers={"Connection": "close"}, timeout=5.0, retries=False)
                statuses[asked.status] += 1
            except urllib3.exceptions.HTTPError as error:
                statuses[repr(error)] += 1

    threads = [threading.Thread(target=load, args=(method,)) for method in ("GET", "POST") * 2]
    for thread in threads:
        thread.start()
    old = first
    for n in range(6):
        new = versions("1.0")
        for there in ([old, new], [new]):
            routed.take(ONE, {"1.0": [one.address for one in there]})
        old.end()
        old = new
        if n % 3 == 0:
            routed.operated.reload()
    wait_until(lambda: sum(statuses.values()) > 300, what="hardly any request came through")
    stopping.set()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200}


def test_a_socket_that_is_gone_is_an_error_and_the_next_look_puts_right(
    routed: HAProxyUnderTest, versions: Versions
) -> None:
    split, backends = halves(routed, versions)
    routed.operated.socket.unlink()
    for call in (routed.router.read, routed.router.endpoints, lambda: routed.router.apply(ONE, backends)):
        with pytest.raises(AdapterError, match=r"does not answer at .*: No such file"):
            call()
    assert set(answers(routed)[0]) == {"1.0", "2.0"}, "what was set goes on"
    assert routed.operated.process
    routed.operated.kill()
    routed.operated.start()
    routed.take(split, backends)


def test_a_socket_without_level_admin_is_said(routed: HAProxyUnderTest) -> None:
    text = routed.operated.config.read_text()
    routed.operated.config.write_text(text.replace("level admin", "level user"))
    routed.operated.reload()
    with pytest.raises(AdapterError, match="its stats socket needs `level admin`"):
        routed.router.apply(ONE, {"1.0": [("127.0.0.1", 1)]})


def test_r28_on_a_full_disk_users_are_led_back(
    routed: HAProxyUnderTest, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R28: the running HAProxy takes the way back, whatever becomes of the files for its next start."""
    _, backends = halves(routed, versions)

    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AdapterError, match=r"serves what it should, and would not after a restart: .*No space left"):
        routed.router.apply(ONE, backends)
    assert routed.router.read() == ONE
    assert set(answers(routed)[0]) == {"1.0"}
    here = found_router(routed.directory)
    assert here is not None
    assert here.lead_all("2.0", backends["2.0"])
    assert set(answers(routed)[0]) == {"2.0"}


def test_r28_users_are_led_back_while_no_name_server_answers(
    routed: HAProxyUnderTest, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R28: where a host was when its instance was added is known."""
    backends = {name: [("localhost", versions(name).address[1])] for name in ("1.0", "2.0")}
    routed.take(Split((("2.0", 300), ("1.0", 700))), backends)

    def silent(*_: object) -> None:
        raise Unresolved("no name server resolves localhost")

    monkeypatch.setattr(haproxy_runtime, "addresses", silent)
    routed.take(ONE, backends)
    assert set(answers(routed)[0]) == {"1.0"}
    with pytest.raises(AdapterError, match="the address of localhost cannot be resolved"):
        routed.router.apply(ONE, {**backends, "3.0": [("localhost", 1)]})


def test_a_process_from_before_a_reload_counts_as_long_as_it_has_users(tmp_path: Path, versions: Versions) -> None:
    """R28: it answers on the connections that it kept, by the split that it had: the version there stays until then."""
    keeps = "option idle-close-on-response\n    timeout http-keep-alive 1m"
    with haproxy_in(tmp_path, defaults=keeps) as routed:
        _, backends = halves(routed, versions)
        split, connection = Split((("2.0", 1000),)), HTTPConnection("127.0.0.1", routed.operated.port)

        def answer() -> bytes:
            # A bucket of 1.0.
            connection.request("GET", "/", headers={"Cookie": f"session={user}"})
            return connection.getresponse().read()

        user = next(name for name in map(str, range(100)) if routed.ask(user=name) == "1.0")
        assert answer() == b"1.0"
        routed.operated.reload()
        routed.router.apply(split, backends)
        for router in (routed.router, routed.again()):
            shown = router.read()
            assert shown is not None
            assert shown.weight("1.0") == 700, "users of the old process would lose the version that it asks"
        routed.router.apply(split, {"2.0": backends["2.0"]})
        there = routed.router.endpoints() or {}
        assert there["1.0"] == set(backends["1.0"])
        assert answer() == b"1.0", "the old process"
        wait_until(lambda: routed.router.read() == split, 20.0, what="the old process has no connection any more")
        assert (routed.router.endpoints() or {}).keys() == {"2.0"}
        assert answer() == b"2.0"


def test_an_old_process_that_lives_on_is_waited_for_no_longer_than_promised(
    routed: HAProxyUnderTest, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A raised share is no reason to wait: the old process reaches no version that the new one does not."""
    split, backends = halves(routed, versions)
    file = routed.directory / "haproxy-processes.json"
    known = json.loads(file.read_text())
    file.write_text(json.dumps({**known, "former": [{**known["present"], "replaced_at": time.time()}]}))
    assert routed.router.read() == split
    routed.router.apply(ONE, backends)
    assert routed.router.read() == split, "2.0 still has users"
    monkeypatch.setattr(haproxy_former, "LINGERS", 0.0)
    assert routed.router.read() == ONE
