"""One deadline and one size for the whole of an answer: no server may hold its asker, however it answers."""

from __future__ import annotations

import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pilotage.adapters import health, http
from pilotage.adapters.ports import AdapterError

Say = Callable[[socket.socket], None]
HEAD = b"HTTP/1.1 200 OK\r\n"


def drip(connection: socket.socket, *first: bytes) -> None:
    for part in first:
        connection.sendall(part)
    while True:
        connection.sendall(b"x")
        time.sleep(0.05)


def flood(connection: socket.socket) -> None:
    connection.sendall(HEAD + b"\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def hold(connection: socket.socket, said: bytes) -> None:
    connection.sendall(said)
    time.sleep(30)


SAY: dict[str, Say] = {
    "silence": lambda c: hold(c, b""),
    "a status that drips": drip,
    "headers that drip": lambda connection: drip(connection, HEAD, b"X-Long: "),
    "a body that drips": lambda connection: drip(connection, HEAD, b"Content-Length: 1000000\r\n\r\n"),
    "a body without end": flood,
    "chunked": lambda c: hold(c, HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    "kept open": lambda c: hold(c, HEAD + b"Content-Length: 2\r\n\r\nok"),
    "until the end": lambda c: c.sendall(HEAD + b"\r\nok"),
    "no HTTP": lambda c: c.sendall(b"220 smtp.example.org\r\n"),
}


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[str, int]]]:
    """Starts a server that says this to everybody."""
    servers: list[socket.socket] = []

    def start(say: Say, path: Path | None = None) -> tuple[str, int]:
        if path is None:
            server = socket.create_server(("127.0.0.1", 0), backlog=128)
        else:
            server = socket.socket(socket.AF_UNIX)
            server.bind(str(path))
            server.listen()
        servers.append(server)

        def answer(connection: socket.socket) -> None:
            with connection:
                try:
                    connection.recv(65536)
                    say(connection)
                except OSError:
                    pass

        def run() -> None:
            try:
                while True:
                    threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()
            except OSError:
                pass

        threading.Thread(target=run, daemon=True).start()
        return server.getsockname() if path is None else ("", 0)

    yield start
    for server in servers:
        server.close()


@pytest.mark.parametrize("way", ["silence", "a status that drips", "headers that drip", "a body that drips"])
def test_an_answer_that_never_ends_is_given_up_at_the_deadline(serve: Callable[..., tuple[str, int]], way: str) -> None:
    """The server goes on sending bytes: only a deadline for the whole of it ends this."""
    host, port = serve(SAY[way])
    with pytest.raises(AdapterError, match=r"no complete response within 0\.3 s"):
        http.get(f"http://{host}:{port}/", 0.3)


def test_an_answer_without_end_is_cut_at_its_size(serve: Callable[..., tuple[str, int]]) -> None:
    host, port = serve(SAY["a body without end"])
    with pytest.raises(AdapterError, match="more than 100000 bytes"):
        http.get(f"http://{host}:{port}/", 20, most=100_000)


@pytest.mark.parametrize("way", ["chunked", "kept open", "until the end"])
def test_whole_answers_are_read_by_tcp_and_by_a_unix_socket(
    serve: Callable[..., tuple[str, int]], way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, port = serve(SAY[way])
    assert http.get(f"http://{host}:{port}/", 5) == b"ok"
    # A path that no system takes for a socket: its server was started in that very folder.
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    monkeypatch.chdir(folder)
    serve(SAY[way], Path("admin.sock"))
    monkeypatch.setenv("TMPDIR", str(folder))  # nor is one there a way around it
    monkeypatch.setattr("tempfile.tempdir", None)
    assert http.get(f"{http.unix_url(folder / 'admin.sock')}/", 5) == b"ok"


@pytest.mark.parametrize("address", ["http://127.0.0.1:99999/", "ftp://x/", "http://[::1", "http:///x", "x"])
def test_what_is_no_address_is_an_error_of_ours(address: str) -> None:
    with pytest.raises(AdapterError, match="is not a URL"):
        http.get(address)


def test_all_instances_are_asked_at_once_and_a_bad_one_costs_the_others_nothing(
    serve: Callable[..., tuple[str, int]],
) -> None:
    """63 silent instances and every kind of odd one: all are known within the deadline of one."""
    addresses = {way: serve(say) for way, say in SAY.items()}
    silent = [addresses["silence"]] * (64 - len(addresses))
    began = time.monotonic()
    answers = health.ask_all([*addresses.values(), *silent], "/", 1.0)
    assert time.monotonic() - began < 5, "each for itself they would take a minute"
    found = {way: answer.status for way, answer in zip(addresses, answers, strict=False)}
    assert found == {
        "silence": None, "a status that drips": None, "headers that drip": None, "a body that drips": None,
        "a body without end": 200, "chunked": 200, "kept open": 200, "until the end": 200, "no HTTP": None,
    }  # fmt: skip
    assert {answer.detail for answer in answers[9:]} == {"/ did not respond within 1 s"}


def test_an_instance_that_is_not_there_says_so() -> None:
    (answer,) = health.ask_all([("127.0.0.1", 9)], "/healthz")
    assert answer == health.Answer(None, "http://127.0.0.1:9/healthz does not respond: Connection refused")


def test_a_page_of_html_in_place_of_an_answer_makes_one_line(serve: Callable[..., tuple[str, int]]) -> None:
    page = b"HTTP/1.1 404 Not Found\r\nContent-Length: 29\r\n\r\n<html>\n<h1>\n Not\tFound\n</h1>\n"
    host, port = serve(lambda connection: connection.sendall(page))
    with pytest.raises(AdapterError, match=r"answered 404: <html> <h1> Not Found </h1>$"):
        http.get(f"http://{host}:{port}/metrics")


@pytest.mark.parametrize("value", ["hush-1234\r\nX-Evil: 1", "hush-1234\n", "hush-1234\x00", "hush-1234€"])
def test_a_token_that_no_header_can_carry_is_in_no_error(value: str) -> None:
    """R30: the standard library's own error shows it."""
    with pytest.raises(AdapterError, match="X-Token has characters that no header can carry") as raised:
        http.exchange("GET", "http://127.0.0.1:9/", 1.0, {"X-Token": value})
    assert "hush" not in "".join(traceback.format_exception(raised.value))
