"""Where messages may go, and how long a receiver may keep us."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pydantic import TypeAdapter, ValidationError

from pilotage.adapters import outgoing
from pilotage.adapters.addresses import is_metadata, is_public
from pilotage.adapters.notifier import Delivery
from pilotage.adapters.notify import apprise, email
from pilotage.adapters.notify.sections import EmailSection
from pilotage.adapters.outgoing import Undelivered, checked, post
from pilotage.config.fields import Url
from pilotage.model.message import Message, Severity

NOT_PUBLIC = """
    0.0.0.0 10.1.2.3 100.64.0.1 100.100.100.200 127.0.0.1 127.255.0.1 168.63.129.16 169.254.0.23
    169.254.169.254 172.16.0.1 192.0.0.192 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.1
    203.0.113.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255 :: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1
    ::ffff:169.254.169.254 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::808:808 100::1 2001::1 2001:20::1
    2001:db8::1 2002:7f00:1:: 2002:808:808:: 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fd20:ce::254 fe80::1
    fe80::a9fe:a9fe%eth0 fec0::1 ff02::1
"""
PUBLIC = "8.8.8.8 1.1.1.1 100.63.0.1 172.32.0.1 2606:4700::1111 2a00:1450::1 ::ffff:8.8.8.8 64:ff9b::808:808"


@pytest.mark.parametrize(
    ("address", "public"), [(a, False) for a in NOT_PUBLIC.split()] + [(a, True) for a in PUBLIC.split()]
)
def test_only_what_is_one_machine_for_everybody_is_public(address: str, public: bool) -> None:
    assert is_public(address) == public


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "168.63.129.16", "100.100.100.200", "192.0.0.192", "169.254.0.23", "fd00:ec2::254",
     "fd20:ce::254", "fe80::a9fe:a9fe", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::"],
)  # fmt: skip
def test_private_true_does_not_open_the_metadata_of_a_cloud(address: str) -> None:
    assert is_metadata(address)
    with pytest.raises(Undelivered, match="is not public: clouds tell secrets there") as told:
        checked(address, 80, private=True)
    assert told.value.permanent


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:99999/", "http://[::1", "http://", "ftp://example.org", "http://a:b/", "//x"]
)
def test_an_address_that_cannot_be_read_is_given_up_at_once(url: str) -> None:
    with pytest.raises(Undelivered) as told:
        post(url, b"{}", {}, private=True)
    assert told.value.permanent


@pytest.mark.parametrize("url", ["json://2130706433/", "json://127.0.0.1:99", "json://[::1"])
def test_apprise_is_held_to_the_same_rule(url: str) -> None:
    with pytest.raises(Undelivered) as told:
        apprise._public(url, private=False)
    assert told.value.permanent


@contextmanager
def dripping(greeting: bytes) -> Iterator[int]:
    """A server that takes whatever comes, says its greeting, and then a byte every tenth of a second."""
    stop = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                connection.sendall(greeting)
                while not stop.wait(0.1):
                    connection.sendall(b"x")
            except OSError:
                return

    def accept() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        stop.set()


@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"])
def test_one_deadline_for_a_whole_answer(greeting: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that answers a byte at a time does not keep the channel for ever."""
    monkeypatch.setattr(outgoing, "TIMEOUT", 0.4)
    with dripping(greeting) as port, pytest.raises(Undelivered, match=r"does not answer within 0.4 s") as told:
        post(f"http://127.0.0.1:{port}/", b"{}", {}, private=True)
    assert not told.value.permanent


def test_one_deadline_for_a_whole_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(email, "_WHOLE", 0.4)
    message = Message("k", "t", "completed", Severity.INFO, "title", "text", 0.0, "shop", "production", "2.0")
    with dripping(b"220 ") as port:
        given = {"kind": "email", "host": "127.0.0.1", "port": port, "encryption": "none",
                 "allow_private_network": True, "sender": "a@example.org", "to": ["b@example.org"]}  # fmt: skip
        with pytest.raises(Undelivered, match=r"127\.0\.0\.1 does not accept mail"):
            email.Email(EmailSection.model_validate(given)).send(Delivery(message=message))


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/", "http://[::1", "http://a:b/"])
def test_validate_refuses_an_address_that_cannot_be_read(url: str) -> None:
    with pytest.raises(ValidationError, match="not an address such as https://"):
        TypeAdapter(Url).validate_python(url)
