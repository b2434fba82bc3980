"""TLS on the embedded router: real clients of HTTP/2, gRPC and websockets, and certificates that are renewed."""

from __future__ import annotations

import datetime
import errno
import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
import urllib3
from cryptography import x509
from websockets.sync.client import connect
from websockets.sync.server import serve

from pilotage.adapters.fence import Fence
from pilotage.adapters.free_port import free_port
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.envoy import EnvoyRouter
from pilotage.adapters.routers.envoy_adapter import ADAPTER
from pilotage.adapters.routers.envoy_process import EnvoyProcess
from pilotage.adapters.routers.envoy_resources import Settings, Sticky, Tls
from pilotage.model.traffic import Split, split_between
from pilotage.testing import Version
from pilotage.testing.harness import wait_until

from .conftest import kill_children

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("envoy-tls")]
Versions = Callable[[str], Version]
ONE = Split((("1.0", 1000),))
NAME = "shop.example.org"
YESTERDAY = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)


class Live:
    """A folder as certbot keeps it: links that lead to the files of the present certificate."""

    def __init__(self, place: Path) -> None:
        self.authority = trustme.CA()
        self.place, self._count = place, 0
        place.mkdir()
        self.certificate, self.key = place / "fullchain.pem", place / "privkey.pem"
        self.renew()

    def renew(self, certificate: bytes | None = None, key: bytes | None = None, **issued: Any) -> int:
        """What certbot does: new files, then each link is removed and made again. Returns the serial number."""
        made = self.authority.issue_cert(NAME, "127.0.0.1", **issued)
        chain = b"".join(blob.bytes() for blob in made.cert_chain_pems)
        self._count += 1
        for link, content in (
            (self.certificate, certificate or chain),
            (self.key, key or made.private_key_pem.bytes()),
        ):
            file = self.place / f"{link.stem}{self._count}.pem"
            file.write_bytes(content)
            link.unlink(missing_ok=True)
            link.symlink_to(file.name)
        return x509.load_pem_x509_certificate(chain).serial_number

    def client(self, *protocols: str) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context


class Secure:
    """An Envoy whose users speak TLS."""

    def __init__(self, place: Path) -> None:
        self.place, self.live = place, Live(place / "live")
        self.port, self.plain = free_port(), free_port()
        self.settings: dict[str, Any] = {}
        self.router = self.again()

    def again(self, **changed: Any) -> EnvoyRouter:
        self.settings |= changed
        tls = Tls(str(self.live.certificate), str(self.live.key), ("127.0.0.1", self.plain))
        settings = Settings(("127.0.0.1", self.port), tls=tls, **self.settings)
        self.router = EnvoyRouter(self.place / "router", Fence(self.place / "fence.json", 1), settings)
        return self.router

    def take(self, split: Split, backends: dict[str, list[tuple[str, int]]]) -> None:
        self.router.apply(split, backends)
        wait_until(lambda: self.router.read() == split)

    def handshake(self, *protocols: str) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.port), 5)
        return self.live.client(*protocols).wrap_socket(plain, server_hostname=NAME)

    def serial(self) -> int:
        """Of the certificate that a new user gets."""
        with self.handshake() as line:
            found = line.getpeercert(binary_form=True)
        assert found
        return x509.load_der_x509_certificate(found).serial_number


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Secure]:
    made = Secure(tmp_path)
    yield made
    made.router.stop()


def test_users_choose_http_2_or_1_1_and_plain_http_is_redirected(secure: Secure, versions: Versions) -> None:
    """R28: ALPN, a Secure cookie, and the same address with TLS for who comes without."""
    secure.again(sticky=Sticky(cookie="session"))
    secure.take(ONE, {"1.0": [versions("1.0").address]})
    for offered, chosen in ((("h2", "http/1.1"), "h2"), (("http/1.1",), "http/1.1"), ((), None)):
        with secure.handshake(*offered) as line:
            assert line.selected_alpn_protocol() == chosen
            assert line.version() in ("TLSv1.2", "TLSv1.3")
    pool = urllib3.PoolManager(ssl_context=secure.live.client())
    answer = pool.request("GET", f"{secure.router.url()}/")
    assert (answer.data, secure.router.url()) == (b"1.0", f"https://127.0.0.1:{secure.port}")
    assert "; Secure" in answer.headers["set-cookie"]
    sent_on = pool.request("GET", f"http://127.0.0.1:{secure.plain}/a?b=c", redirect=False)
    assert (sent_on.status, sent_on.headers["location"]) == (308, f"https://127.0.0.1:{secure.port}/a?b=c")


def test_grpc_calls_and_streams_pass_through_tls_while_a_canary_shifts(secure: Secure) -> None:
    secure.again(http2=True)
    with _grpc_service("old") as old, _grpc_service("new") as new:
        backends = {"1.0": [("127.0.0.1", old)], "2.0": [("127.0.0.1", new)]}
        secure.take(ONE, backends)
        trusted = grpc.ssl_channel_credentials(secure.live.authority.cert_pem.bytes())
        with grpc.secure_channel(f"127.0.0.1:{secure.port}", trusted) as channel:
            stream = channel.stream_stream("/shop.Shop/Chat")
            said: list[bytes] = []
            chat = stream(_words(said))
            assert next(chat) == b"old 0"
            call, answers = channel.unary_unary("/shop.Shop/Name"), set[bytes]()
            for weight in (50, 500, 1000):
                secure.take(split_between("2.0", weight, "1.0"), backends)
                answers |= {call(b"?", timeout=5) for _ in range(50)}
            assert answers == {b"old", b"new"}
            assert next(chat) == b"old 1", "what began on a version stays there"
            chat.cancel()


def test_a_websocket_through_tls_stays_open_while_a_canary_shifts(secure: Secure) -> None:
    with _websocket_service("old") as old, _websocket_service("new") as new:
        backends = {"1.0": [("127.0.0.1", old)], "2.0": [("127.0.0.1", new)]}
        secure.take(ONE, backends)
        url = f"wss://127.0.0.1:{secure.port}/"
        with connect(url, ssl=secure.live.client()) as first:
            for weight in (50, 500, 1000):
                secure.take(split_between("2.0", weight, "1.0"), backends)
                first.send("ping")
                assert first.recv(timeout=5) == "old ping"
            with connect(url, ssl=secure.live.client()) as second:
                second.send("ping")
                assert second.recv(timeout=5) == "new ping"


def test_a_renewed_certificate_is_taken_up_without_a_lost_request(secure: Secure, versions: Versions) -> None:
    """R28: certbot renews, the next look lets Envoy have it; who is connected notices nothing."""
    backends = {"1.0": [versions("1.0").address]}
    secure.take(ONE, backends)
    before, stopping, answers = secure.serial(), threading.Event(), set[object]()

    def load() -> None:
        pool = urllib3.PoolManager(ssl_context=secure.live.client(), maxsize=1)
        number = 0
        while not stopping.is_set():
            number += 1
            fresh = {"Connection": "close"} if number % 2 else {}
            answers.add(pool.request("GET", secure.router.url(), headers=fresh, timeout=5.0, retries=False).status)

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        serial = secure.live.renew()
        secure.router.apply(ONE, backends)
        wait_until(lambda serial=serial: secure.serial() == serial)  # type: ignore[misc]
        assert serial != before
    stopping.set()
    for thread in threads:
        thread.join()
    assert answers == {200}
    assert len(list((secure.place / "router" / "tls").iterdir())) <= 4, "copies of older ones are removed"


def _expired(live: Live) -> None:
    live.renew(not_before=YESTERDAY - datetime.timedelta(days=1), not_after=YESTERDAY)


def _mismatched(live: Live) -> None:
    live.renew(key=live.authority.issue_cert("other.example.org").private_key_pem.bytes())


def _unreadable(live: Live) -> None:
    live.renew()
    live.key.unlink()


def _half(live: Live) -> None:
    live.renew(certificate=live.certificate.read_bytes()[:200])


WRONG = [
    (_expired, r"the certificate in .*fullchain\.pem expired on .* UTC: renew it"),
    (_mismatched, r"the key in .*privkey\.pem does not belong to the first certificate in .*fullchain\.pem"),
    (_unreadable, r"cannot read .*privkey\.pem: No such file"),
    (_half, r"fullchain\.pem is no certificate in PEM format"),
]


@pytest.mark.parametrize(("spoil", "sentence"), WRONG)
def test_a_wrong_certificate_is_refused_before_anything_starts(
    tmp_path: Path, spoil: Callable[[Live], None], sentence: str
) -> None:
    secure = Secure(tmp_path)
    spoil(secure.live)
    with pytest.raises(AdapterError, match=sentence):
        secure.router.apply(ONE, {"1.0": [("127.0.0.1", 1)]})
    assert secure.router.read() is None
    tls = {"certificate": str(secure.live.certificate), "key": str(secure.live.key)}
    section = ADAPTER.section.model_validate({"kind": "envoy", "listen": f"127.0.0.1:{secure.port}", "tls": tls})
    assert ADAPTER.lacks
    said = ADAPTER.lacks(section, tmp_path, "1.0")
    with pytest.raises(AdapterError, match=sentence):
        raise AdapterError(said)


def test_a_bad_renewal_keeps_the_certificate_before_and_says_so(
    secure: Secure, versions: Versions, caplog: pytest.LogCaptureFixture
) -> None:
    """R28: also in an Envoy that starts again, and until files that are right lie there."""
    backends = {"1.0": [versions("1.0").address]}
    secure.take(ONE, backends)
    good = secure.serial()
    caplog.set_level(logging.WARNING)
    for spoil, sentence in WRONG:
        spoil(secure.live)
        for _ in range(3):
            secure.router.apply(ONE, backends)
        assert secure.serial() == good
        with pytest.raises(AdapterError, match=f"users still get the certificate before: .*{sentence}"):
            raise AdapterError(caplog.messages[-1])
    assert len(caplog.messages) == len(WRONG), "each is said once"
    kill_children()
    secure.again().apply(ONE, backends)
    assert secure.serial() == good
    serial = secure.live.renew()
    secure.router.apply(ONE, backends)
    wait_until(lambda: secure.serial() == serial)


def test_r28_a_renewal_without_room_on_the_disk_keeps_nobody_on_a_bad_version(
    secure: Secure, versions: Versions, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """R28: the split fits in the blocks that are there; copies of a new certificate do not."""
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    secure.take(split_between("2.0", 500, "1.0"), backends)
    before = secure.serial()
    secure.live.renew()
    write = EnvoyProcess.write

    def full(place: EnvoyProcess, name: str, content: bytes) -> None:
        if name.startswith("tls/"):
            raise OSError(errno.ENOSPC, "No space left on device")
        write(place, name, content)

    monkeypatch.setattr(EnvoyProcess, "write", full)
    secure.take(Split((("1.0", 1000),)), backends)
    assert secure.serial() == before
    assert "users still get the certificate before: " in caplog.text
    monkeypatch.undo()
    secure.router.apply(Split((("1.0", 1000),)), backends)
    wait_until(lambda: secure.serial() != before)


def test_copies_of_the_key_are_for_nobody_else_and_go_with_the_router(secure: Secure, versions: Versions) -> None:
    secure.take(ONE, {"1.0": [versions("1.0").address]})
    copies = list((secure.place / "router" / "tls").iterdir())
    assert {os.stat(path).st_mode & 0o077 for path in copies} == {0}  # noqa: PTH116
    secure.router.stop()
    assert not (secure.place / "router" / "tls").exists()


# ── services ───────────────────────────────────────────────────────────────────────────────────────────────


def _words(said: list[bytes]) -> Iterator[bytes]:
    while True:
        said.append(b"")
        yield str(len(said) - 1).encode()
        time.sleep(0.05)


class _Shop(grpc.GenericRpcHandler):  # type: ignore[misc]
    def __init__(self, name: str) -> None:
        self._name = name.encode()

    def service(self, call: grpc.HandlerCallDetails) -> Any:
        if call.method.endswith("Name"):
            return grpc.unary_unary_rpc_method_handler(lambda _request, _context: self._name)
        return grpc.stream_stream_rpc_method_handler(
            lambda requests, _context: (self._name + b" " + one for one in requests)
        )


@contextmanager
def _grpc_service(name: str) -> Iterator[int]:
    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((_Shop(name),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


@contextmanager
def _websocket_service(name: str) -> Iterator[int]:
    def echo(line: Any) -> None:
        with suppress(Exception):
            for message in line:
                line.send(f"{name} {message}")

    with serve(echo, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()
            thread.join()
