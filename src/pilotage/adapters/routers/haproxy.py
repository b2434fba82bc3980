"""`router: {kind: haproxy}`: an HAProxy that other people own, changed while it runs.

Order of writing: the included file with every server that may be needed, the servers of the running process, the map
(its file first), then the servers that are needed no more. Whenever somebody reloads HAProxy in between, the new
process starts with a split and with the servers of that split. Users move only with the map, in one transaction.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pilotage.adapters.fence import Fence
from pilotage.adapters.haproxy_runtime import OLDEST, Process, Runtime, Server, Wanted, resolved_all
from pilotage.adapters.own_requests import synthetic_token
from pilotage.adapters.ports import AdapterError, Backends
from pilotage.adapters.routers.change import begun
from pilotage.adapters.routers.haproxy_former import Processes, of_users, with_instances
from pilotage.adapters.routers.haproxy_lines import (
    Servers,
    Settings,
    backend_of,
    include_of,
    kinds_of,
    options_of,
    page_of,
    servers_in,
    union,
    uses_of_map,
)
from pilotage.adapters.routers.haproxy_map import (
    OWN,
    SLOTS,
    TESTERS,
    USERS,
    Entries,
    entries_in,
    entries_of,
    nothing,
    owner_in,
    refuse_header,
    slots_for,
    split_in,
    text_of,
    untouched,
    versions_in,
)
from pilotage.adapters.routers.haproxy_record import RECORD, Place, Remembered, forget, remember, unwritten_of
from pilotage.model.traffic import Split

_READABLE = 0o644
_RELOAD_WITHIN, _LOADED_WITHIN = 60.0, 10.0


class HAProxyRouter:
    """The Router port. directory: for its record · place: its machine · owner: service and
    environment · reload: an argument list, empty if only other people reload."""

    def __init__(
        self,
        directory: Path,
        fence: Fence,
        settings: Settings,
        place: Place,
        *,
        owner: str,
        reload: Sequence[str] = (),
    ) -> None:
        self.settings = settings
        self._directory, self._fence, self._place = directory, fence, place
        self._host = place.host(directory)
        self._owner, self._reload = owner, tuple(reload)
        self._contents: dict[str, bytes] = {}
        self._slot_of = {backend_of(settings, slot, kind): slot for slot in SLOTS for kind in (USERS, TESTERS, OWN)}
        self.runtime = Runtime(settings.address, self._host)
        self._processes = Processes(directory, self._host, self.runtime)
        self._reloaded_for = ""
        self._seen: tuple[Entries, Split | None] | None = None

    # ── the port ───────────────────────────────────────────────────────────────────────────────────────────

    def url(self) -> str:
        return self.settings.url

    def apply(self, split: Split, backends: Backends) -> None:
        self._fence.check()
        refuse_header(split, self.settings.headers, self.settings.tenants)
        if split.mirror:
            raise AdapterError("HAProxy cannot mirror requests: leave the mirror out")
        wanted = [] if split.closed else [version for version, _ in split.weights]
        wanted += [route.version for route in split.header_routes]
        if missing := [version for version in wanted if not backends.get(version)]:
            raise AdapterError(f"no instance of {missing[0]} to send requests to")
        if split.header_routes or split.cohort:
            self._refuse_other_lines()
        self.change(split, backends)

    def read(self) -> Split | None:
        entries = self._entries()
        split = None if entries is None else self._split_in(entries)
        return split and of_users(split, self._processes.lagging(split))

    def endpoints(self) -> Mapping[str, frozenset[tuple[str, int]]] | None:
        entries = self._entries()
        if entries is None or (split := self._split_in(entries)) is None:
            return None
        found, running = dict[str, set[tuple[str, int]]](), self._running()
        for slot, version in versions_in(entries).items():
            there = running.get(backend_of(self.settings, slot, USERS), ())
            found[version] = {one.address for one in there if one.serves}
        return with_instances(found, self._processes.lagging(split))

    def stop(self) -> None:
        self._fence.check()
        self.withdraw()

    # ── without the fence ──────────────────────────────────────────────────────────────────────────────────

    def change(self, split: Split, backends: Backends) -> None:
        """Set a split, also one that an HAProxy takes up only when it starts. Raises AdapterError."""
        change = begun(self._directory, self._fence)
        self._contents.clear()
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        # What the file says holds while HAProxy does not answer: it starts with that.
        entries, process, trouble = self._written_entries(), None, None
        try:
            process = self._loaded()
            entries = self.runtime.map(self.settings.map)
        except AdapterError as error:
            process, trouble = None, error
        self._refuse_other_owner(entries)
        running = self._running() if process else {}
        named = [*backends, *(version for version, _ in split.weights)]
        slots = slots_for(named, entries, self._busy(running))
        written = self._written_servers()
        places = resolved_all(backends, {address: at for slot in written.values() for address, at in slot.items()})
        servers = {slots.of[version]: {one: places[one] for one in there} for version, there in backends.items()}
        after = entries_of(split, slots, owner=self._owner, token=self._token())
        unwritten = unwritten_of(lambda: self._write_include(union(written, servers)))
        if process:
            self._serve(servers, running, process)
        with change.alone(split):
            instances = {version: tuple(addresses) for version, addresses in backends.items()}
            said = Remembered(
                settings=self.settings, owner=self._owner, split=split, place=self._place, instances=instances
            )
            unwritten = unwritten_of(lambda: remember(self._directory, said)) or unwritten
            unwritten = unwritten_of(lambda: self._write(self.settings.map, text_of(after))) or unwritten
            if process and entries != after:
                self.runtime.replace_map(self.settings.map, after)
        if process is None:
            raise trouble or AdapterError("HAProxy does not answer")
        self._processes.told(split, instances)  # somebody may have reloaded it meanwhile
        if unwritten:
            # A full disk keeps nobody on a bad version. Servers stay that the file may still name.
            raise AdapterError(
                f"HAProxy serves what it should, and would not after a restart: {unwritten}"
            ) from unwritten
        self._write_include(servers)
        self._drop_others(servers, process)

    def prepare(self) -> None:
        """See that the files are there that HAProxy's configuration names. Raises AdapterError."""
        self._contents.clear()
        if not self._content(self.settings.map):
            self._write(self.settings.map, text_of(untouched()))
        self._write_include(self._written_servers())

    def withdraw(self) -> None:
        """Send nobody anywhere. The files stay, because HAProxy would not start without them. Raises AdapterError."""
        if self._entries() is None:
            return
        self._contents.clear()
        entries = nothing(self._written_entries())
        self._write(self.settings.map, text_of(entries))
        self._write_include({})
        self.runtime.replace_map(self.settings.map, entries)
        self._drop_others({}, self.runtime.process())
        forget(self._directory)

    # ── the running process ────────────────────────────────────────────────────────────────────────────────

    def _loaded(self) -> Process:
        """The process that answers, with the present settings if Pilotage may reload it. Raises AdapterError."""
        process = self.runtime.process()
        if process.version < OLDEST:
            raise AdapterError(f"HAProxy {process.version[0]}.{process.version[1]} is too old: use 2.4 or newer")
        marker = self.settings.marker
        # Once, whatever comes of it: where its configuration does not name the file, no reload helps.
        if not self._reload or self._reloaded_for == marker or self.has_settings():
            return process
        self._reloaded_for = marker
        self.prepare()
        done = self._host.run(self._reload, within=_RELOAD_WITHIN, fence=self._fence)
        if done.status:
            raise AdapterError(f"{self._reload[0]} did not reload HAProxy (exit status {done.status}): {done.said}")
        until = time.monotonic() + _LOADED_WITHIN
        while not self.has_settings() and time.monotonic() < until:
            time.sleep(0.05)
        return self.runtime.process()

    def _split_in(self, entries: Entries) -> Split | None:
        if self._seen is None or self._seen[0] != entries:
            self._seen = (entries, split_in(entries))
        return self._seen[1]

    def _refuse_other_lines(self) -> None:
        """Raise AdapterError where the configuration looks at other headers than these settings: the map would show a
        route that leads nobody anywhere."""
        uses, wanted = self.runtime.uses_of(self.settings.map), uses_of_map(self.settings)
        if uses and uses % wanted:
            raise AdapterError(
                f"HAProxy has other lines than those of {self.settings.name}, so headers would lead nobody anywhere. "
                "`pilotage doctor` shows the lines"
            )

    def has_settings(self) -> bool:
        """Whether HAProxy has loaded the file as the present settings want it. Raises AdapterError."""
        return f"\n{self.settings.marker}," in self.runtime.statistics()

    def _running(self) -> dict[str, list[Server]]:
        """Servers of our own backends."""
        return {backend: there for backend, there in self.runtime.servers().items() if backend in self._slot_of}

    def _serve(self, servers: Servers, running: Mapping[str, Sequence[Server]], process: Process) -> None:
        """See that every server is there and serves."""
        new = []
        for slot, served in servers.items():
            for kind in kinds_of(self.settings):
                backend = backend_of(self.settings, slot, kind)
                there = {one.address: one for one in running.get(backend, ())}
                for address, at in served.items():
                    if address not in there:
                        new.append(Wanted(backend, address, at, options_of(self.settings, kind)))
                    elif not there[address].serves:
                        self.runtime.enable_server(backend, there[address].name)
        self.runtime.add_servers(new, process)

    def _drop_others(self, servers: Servers, process: Process) -> None:
        """No new request to any other server; one that still has connections is removed at a later call."""
        leaving = [
            f"{backend}/{one.name}"
            for backend, there in self._running().items()
            for one in there
            if one.address not in servers.get(self._slot_of[backend], {})
        ]
        self.runtime.remove_servers(leaving, process)

    def _busy(self, running: Mapping[str, Sequence[Server]]) -> set[str]:
        """Slots whose servers still serve."""
        if not running:
            return set(self._written_servers())
        return {self._slot_of[backend] for backend, there in running.items() if any(one.serves for one in there)}

    # ── the files ──────────────────────────────────────────────────────────────────────────────────────────

    def _entries(self) -> dict[str, str] | None:
        """What the running HAProxy routes by; None if it has no split of this router. Raises AdapterError."""
        try:
            entries = self.runtime.map(self.settings.map)
        except AdapterError:
            if not (self._directory / RECORD).exists():
                return None
            raise
        self._refuse_other_owner(entries)
        return entries

    def _written_entries(self) -> dict[str, str]:
        return entries_in(self._content(self.settings.map).decode(errors="replace"))

    def _written_servers(self) -> dict[str, dict[tuple[str, int], str]]:
        return servers_in(self._content(self.settings.include).decode(errors="replace"))

    def _write_include(self, servers: Servers) -> None:
        self._write(self.settings.html, page_of(self.settings))
        self._write(self.settings.include, include_of(self.settings, servers))

    def _content(self, path: str) -> bytes:
        """What is in a file, read once in a call: over SSH each reading waits for the network."""
        if path not in self._contents:
            self._contents[path] = self._host.read(path) or b""
        return self._contents[path]

    def _write(self, path: str, text: str) -> None:
        content = text.encode()
        if self._content(path) != content:
            # Without a token it is the way back of an operator, which nothing fences off.
            self._host.write(path, content, mode=_READABLE, fence=self._fence if self._fence.token else None)
            self._contents[path] = content

    def _token(self) -> str:
        return synthetic_token(self._directory) if self.settings.synthetic else ""

    def _refuse_other_owner(self, entries: Entries) -> None:
        owner = owner_in(entries)
        if owner and self._owner and owner != self._owner:
            raise AdapterError(
                f"{self.settings.name} belongs to {owner} in this HAProxy: give this router another name"
            )
