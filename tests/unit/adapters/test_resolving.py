"""A name server that hangs holds nobody for longer than the call's own time. The system's resolver asks one that is
silent, in a network of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ASKED = """
import fcntl, socket, struct, threading, time
from pilotage.adapters import http, outgoing, resolving
from pilotage.adapters.deadline import Deadline
from pilotage.adapters.ports import AdapterError

with socket.socket() as any:
    fcntl.ioctl(any, 0x8914, struct.pack("16sh22x", b"lo", 0x41))  # SIOCSIFFLAGS: lo is up
server = socket.socket(type=socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
speaks = threading.Event()

def serve():
    while True:
        asked, whom = server.recvfrom(512)
        if not speaks.is_set():
            continue
        end = asked.index(0, 12) + 5
        is_a = asked[end - 4 : end - 2] == b"\\x00\\x01"
        record = b"\\xc0\\x0c\\x00\\x01\\x00\\x01" + struct.pack(">IH", 1, 4) + bytes((127, 0, 0, 1))
        head = asked[:2] + struct.pack(">HHHHH", 0x8180, 1, int(is_a), 0, 0)
        server.sendto(head + asked[12:end] + (record if is_a else b""), whom)

threading.Thread(target=serve, daemon=True).start()

def said(ask):
    try:
        return str(ask())
    except (AdapterError, OSError) as error:
        return str(error)

began = time.monotonic()
for _ in range(3):
    print(said(lambda: http.get("http://shop.example/", 0.3)))
print(threading.active_count(), "threads: one asks, for all")
outgoing.TIMEOUT = 0.3
print(said(lambda: outgoing.post("https://shop.example/", b"", {})))
with Deadline(0.3) as deadline:
    print(said(lambda: deadline.connect("mail.example", 25)))
assert time.monotonic() - began < 30, "the resolver itself takes two minutes"
listening = socket.create_server(("127.0.0.1", 0))
print(resolving.connect("127.0.0.1", listening.getsockname()[1], began + 60).getpeername()[0])

speaks.set()
print(resolving.addresses("site.example", 80, 20)[0][4])
speaks.clear()
resolving._FRESH = 0
print(resolving.addresses("site.example", 80, 0.3)[0][4], "as it said lately")
resolving._LATELY = 0
print(said(lambda: resolving.addresses("site.example", 80, 0.3)))
"""


def test_a_name_server_that_hangs_holds_nobody_and_what_it_said_lately_serves_meanwhile(tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:60 attempts:2\n")
    shell = f'mount --bind {tmp_path / "resolv.conf"} /etc/resolv.conf && exec "$@"'
    command = ["unshare", "-Urmn", "sh", "-c", shell, "-", sys.executable, "-c", ASKED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no network of its own here: {done.stderr.strip()}")
    assert done.stdout.splitlines() == [
        *["http://shop.example/ does not respond: no name server resolves shop.example within 0.3 s"] * 3,
        "3 threads: one asks, for all",
        "no name server resolves shop.example",
        "no name server resolves mail.example",
        "127.0.0.1",
        "('127.0.0.1', 80)",
        "('127.0.0.1', 80) as it said lately",
        "no name server resolves site.example",
    ], done.stderr
