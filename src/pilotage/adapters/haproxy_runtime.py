"""HAProxy's runtime API (management guide, "Unix Socket commands"): maps, servers and counters of a running process.

Each command has a connection of its own, so nothing is held open while HAProxy reloads: the next command reaches the
new process. HAProxy reports a refused command as plain text, so every answer is compared with the expected one.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pilotage.adapters.hosts.host import Host
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.resolving import addresses
from pilotage.model.address import parse_address, show_host
from pilotage.model.text import line

_TIMEOUT = 5.0
_NOT_FOUND = 127
_MOST = 16 << 20
"""Bytes of an answer: `show stat` of some ten thousand servers."""
_LONGEST_COMMAND = 6 << 10
"""Bytes of one payload. HAProxy reads a command into one buffer (`tune.bufsize`, 16 kB unless somebody lowered it)."""
_IN_MAINTENANCE = 0x7B
"""Bits of a server's administrative state that keep requests away. The one left out says only how it started."""
OLDEST = (2, 4)
"""The first version that replaces a map in one transaction and adds servers while it runs."""
_STABLE_SERVERS, _CHECKED_SERVERS = (2, 6), (2, 5)
"""Versions that need no `experimental-mode` to add a server, and that can check one that was added."""
_REGISTERED = "New server registered."
CHECK = "check inter 2s fall 2 rise 1"
"""Options of a server whose health HAProxy looks at: whether it accepts connections."""
_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]{1,253}")
_NUMBERS = re.compile(r"(\d+)\.(\d+)")


@dataclass(frozen=True)
class Server:
    """A server of a backend. address: host and port as Pilotage knows them · serves: not in maintenance."""

    name: str
    address: tuple[str, int]
    serves: bool


@dataclass(frozen=True)
class Process:
    """The process that answers. uptime: seconds, whole."""

    version: tuple[int, int]
    pid: int
    uptime: int


@dataclass(frozen=True)
class Wanted:
    """A server to add. address: as Pilotage knows it · at: IP address of the host · options: of the configuration."""

    backend: str
    address: tuple[str, int]
    at: str
    options: str = ""

    def commands(self, process: Process) -> str:
        place = f"{self.backend}/{name_of(self.address)}"
        options, checked = self.options, CHECK in self.options
        if process.version < _CHECKED_SERVERS:
            options, checked = options.replace(CHECK, "").strip(), False
        added = f"add server {place} {show_host(self.at)}:{self.address[1]} {options}".strip()
        # A server that was added is in maintenance, and its checks are off.
        steps = [added, *([f"enable health {place}"] if checked else []), f"set server {place} state ready"]
        return "; ".join(steps)


class Runtime:
    """address: the path of a UNIX socket, or `host:port` · host: the machine of the socket; None for this one. On
    another machine its `socat` speaks to a UNIX socket."""

    def __init__(self, address: str, host: Host | None = None) -> None:
        self._address = address
        self._far = host if host is not None and host.name and address.startswith("/") else None

    def process(self) -> Process:
        """Raises AdapterError if nothing answers, or something other than an HAProxy."""
        told = dict(row.split(": ", 1) for row in self.ask("show info").splitlines() if ": " in row)
        numbers = _NUMBERS.match(told.get("Version", ""))
        try:
            if numbers is None or told["Name"] != "HAProxy":
                raise ValueError(told.get("Name"))
            return Process((int(numbers[1]), int(numbers[2])), int(told["Pid"]), int(told["Uptime_sec"]))
        except (KeyError, ValueError):
            raise AdapterError(f"{self._address} is not the runtime API of an HAProxy") from None

    # ── maps ───────────────────────────────────────────────────────────────────────────────────────────────

    def uses_of(self, file: str) -> int | None:
        """How often the running configuration uses a map; None if it does not."""
        for row in self.ask("show map").splitlines():
            if f" ({file}) " in row:
                return row.count("by map at")
        return None

    def map(self, file: str) -> dict[str, str]:
        """Key and value of every entry. Raises AdapterError if the running configuration uses no such map."""
        said = self.ask(f"show map {file}")
        if said.startswith("Unknown map"):
            raise AdapterError(
                f"HAProxy does not use the map {file}: its configuration lacks Pilotage's lines. `pilotage doctor` "
                "shows them"
            )
        rows = (row.split(" ", 2) for row in said.splitlines())
        return {parts[1]: parts[2] for parts in rows if len(parts) == 3 and parts[0].startswith("0x")}

    def replace_map(self, file: str, entries: Mapping[str, str]) -> None:
        """All entries at once: no request meets half of them. Raises AdapterError."""
        said = self.ask(f"prepare map {file}").strip()
        version = said.rpartition(": ")[2]
        if not said.startswith("New version") or not version.isdigit():
            raise AdapterError(f"HAProxy does not replace the map {file}: {_shown(said)}")
        for part in _parts([f"{key} {value}" for key, value in entries.items()], "\n"):
            self._tell(f"add map @{version} {file} <<\n{part}\n")
        self._tell(f"commit map @{version} {file}")

    # ── servers ────────────────────────────────────────────────────────────────────────────────────────────

    def servers(self) -> dict[str, list[Server]]:
        """Servers of each backend that has any. Raises AdapterError."""
        found: dict[str, list[Server]] = {}
        for row in self.ask("show servers state").splitlines():
            fields = row.split(" ")
            if len(fields) < 19 or not fields[0].isdigit():
                continue
            try:
                serves = not int(fields[6]) & _IN_MAINTENANCE
                server = Server(fields[3], address_of(fields[3]) or (fields[4], int(fields[18])), serves)
            except ValueError:
                raise AdapterError(f"HAProxy shows an unreadable server: {_shown(row)}") from None
            found.setdefault(fields[1], []).append(server)
        return found

    def add_servers(self, wanted: Sequence[Wanted], process: Process) -> None:
        """Add servers, and let them serve. Raises AdapterError; then some of them may be there."""
        for part in _parts([one.commands(process) for one in wanted], "; "):
            said = self._ask_experimental(part, process)
            asked = part.count("add server ")
            if said.count(_REGISTERED) != asked or (rest := said.replace(_REGISTERED, "").strip()):
                raise AdapterError(f"HAProxy does not add a server of {_names(part)}: {_shown(rest or said)}")

    def enable_server(self, backend: str, name: str) -> None:
        self._tell(f"set server {backend}/{name} state ready")

    def drain_server(self, backend: str, name: str) -> None:
        """No new request; those in flight end."""
        self._tell(f"set server {backend}/{name} state maint")

    def remove_servers(self, names: Iterable[str], process: Process) -> None:
        """Send servers (`backend/server`) no new request, and remove those without connections. The others stay in
        maintenance, and so do those of a configuration with `default-server resolvers`."""
        for part in _parts([f"set server {name} state maint; del server {name}" for name in names], "; "):
            self._ask_experimental(part, process)

    def _ask_experimental(self, command: str, process: Process) -> str:
        return self.ask(command if process.version >= _STABLE_SERVERS else f"experimental-mode on; {command}")

    # ── counters ───────────────────────────────────────────────────────────────────────────────────────────

    def statistics(self) -> str:
        """Every counter, as CSV."""
        return self.ask("show stat")

    # ── the socket ─────────────────────────────────────────────────────────────────────────────────────────

    def _tell(self, command: str) -> None:
        """A command to which HAProxy answers nothing."""
        if said := self.ask(command).strip():
            raise AdapterError(f"HAProxy refuses {command.partition(chr(10))[0]!r}: {_shown(said)}")

    def ask(self, command: str) -> str:
        """What HAProxy answers. Raises AdapterError."""
        heard = self._far_answer(self._far, command) if self._far else self._answer(command)
        said = heard.decode(errors="replace")
        if said.startswith("Permission denied"):
            raise AdapterError(f"HAProxy refuses commands at {self._address}: its stats socket needs `level admin`")
        return said

    def _answer(self, command: str) -> bytes:
        heard = bytearray()
        try:
            with self._connected() as connection:
                connection.sendall(f"{command}\n".encode())
                while chunk := connection.recv(1 << 16):
                    heard += chunk
                    if len(heard) > _MOST:
                        raise AdapterError(f"HAProxy at {self._address} answers with more than {_MOST >> 20} MB")
        except OSError as error:
            raise self._silent(error.strerror or str(error)) from None
        return bytes(heard)

    def _far_answer(self, host: Host, command: str) -> bytes:
        done = host.run(
            ["socat", "-t", "5", "-", f"UNIX-CONNECT:{self._address}"], input=f"{command}\n".encode(), within=_TIMEOUT
        )
        if done.status == _NOT_FOUND:
            raise AdapterError(f"{host.name} has no socat, which speaks to {self._address}: install it there")
        if done.status:
            raise self._silent(done.said)
        return done.out

    def _silent(self, why: str) -> AdapterError:
        return AdapterError(f"HAProxy does not answer at {self._address}: {why}. Start it, or correct the address")

    @contextlib.contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        if not self._address.startswith("/"):
            with socket.create_connection(parse_address(self._address), _TIMEOUT) as connection:
                yield connection
            return
        path = Path(self._address)
        # Through the folder: the path of a socket holds 107 characters.
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(_TIMEOUT)
                connection.connect(f"/proc/self/fd/{folder}/{path.name}")
                yield connection
        finally:
            os.close(folder)


def name_of(address: tuple[str, int]) -> str:
    """The name of an instance's server."""
    return f"{address[0].strip('[]')}_{address[1]}"


def address_of(server: str) -> tuple[str, int] | None:
    """The instance behind a server of this name; None for one that somebody else named."""
    host, _, port = server.rpartition("_")
    return (host, int(port)) if host and port.isascii() and port.isdigit() and len(port) <= 5 else None


def resolved(host: str) -> str:
    """The IP address of a host: HAProxy resolves no name of a server that is added while it runs, and would not start
    with a name that nobody can resolve. Raises AdapterError."""
    if not _HOST.fullmatch(host):
        # It would end a command, and begin another one.
        raise AdapterError(f"{line(host, 80)!r} is not a host that HAProxy can have as a server")
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(host.strip("[]")))
    try:
        return str(addresses(host, 0, 2.0)[0][4][0])
    except (OSError, ValueError, IndexError) as error:
        raise AdapterError(f"the address of {host} cannot be resolved: {error}") from None


def resolved_all(
    backends: Mapping[str, Iterable[tuple[str, int]]], known: Mapping[tuple[str, int], str]
) -> dict[tuple[str, int], str]:
    """Where each instance is. known: where instances were, which counts while no name server tells: they keep nobody
    from being led back. Raises AdapterError."""
    found: dict[tuple[str, int], str] = {}
    silent = False
    for address in dict.fromkeys(one for there in backends.values() for one in there):
        try:
            found[address] = known[address] if silent and address in known else resolved(address[0])
        except AdapterError:
            if address not in known:
                raise
            silent, found[address] = True, known[address]  # the others are not waited for, too
    return found


def _parts(rows: Sequence[str], between: str) -> Iterator[str]:
    """The rows, in texts that fit a buffer."""
    part: list[str] = []
    size = 0
    for row in rows:
        size += len(row) + len(between)
        if part and size > _LONGEST_COMMAND:
            yield between.join(part)
            part, size = [], len(row) + len(between)
        part.append(row)
    if part:
        yield between.join(part)


def _names(commands: str) -> str:
    return ", ".join(dict.fromkeys(re.findall(r"add server ([^ /]+)/", commands)))


def _shown(said: str) -> str:
    return line(said, 200) or "it says nothing"
