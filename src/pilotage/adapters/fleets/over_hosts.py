"""A fleet over hosts: `count` instances of a version spread over machines, each run by the runner of its host.

Hosts are asked in parallel, and one that is slow or dead delays no other. What runs on a host that cannot be reached is
listed as last known. It counts while it answers its health check, and for `lost_after` seconds of silence: a machine
that is split off may still serve. After that the others take over its load.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from pilotage.adapters.environment import Environment
from pilotage.adapters.fence import Fence
from pilotage.adapters.fleets import book
from pilotage.adapters.fleets.book import Entry
from pilotage.adapters.fleets.census import Census, Known, staying
from pilotage.adapters.fleets.host_view import HostView
from pilotage.adapters.fleets.preparations import Preparations
from pilotage.adapters.fleets.starts import Starts
from pilotage.adapters.fleets.wellness import Wellness
from pilotage.adapters.health import ask_all
from pilotage.adapters.hosts.host import Host, said_of
from pilotage.adapters.hosts.runner import Runner, Wanted
from pilotage.adapters.hosts.together import Errand, wait_for
from pilotage.adapters.logs import for_people, for_sentences
from pilotage.adapters.ports import AdapterError, Fenced, NeverStarts
from pilotage.model.observation import Health, Instance, Preparation
from pilotage.model.text import line

_CHANGE_WAIT = 3.0
"""Seconds that a change waits; what takes longer goes on, and the next look sees it."""
_YOUNG = 2.0
"""Seconds: what dies right after its start is started again no more often."""
_STOPS_WITHIN = 10.0
"""Seconds more than the stop timeout, within which all instances of all hosts stop."""

Steps = dict[str, list[Callable[[], None]]]
"""What is to be done on each host, in this order."""


class HostsFleet:
    """The Fleet port over hosts.

    hosts: host and runner by name, in the order of the configuration · health: path that answers 2xx when an instance
    is healthy · stop_timeout: seconds between asking an instance to stop and forcing it · ports: those that instances
    may get · lost_after: seconds of silence after which other hosts take over · environment: whose secrets no log
    shows.
    """

    def __init__(
        self,
        directory: Path,
        fence: Fence,
        hosts: Mapping[str, tuple[Host, Runner]],
        *,
        health: str,
        stop_timeout: float,
        ports: range = range(20000, 30000),
        lost_after: float = 15.0,
        environment: Environment | None = None,
    ) -> None:
        self._file, self._fence = directory / "instances.json", fence
        self._views = {name: HostView(name, host, runner) for name, (host, runner) in hosts.items()}
        self._census, self._starts = Census(self._views, lost_after), Starts(self._views, ports)
        self._health, self._wellness, self._stop_timeout = health, Wellness(health), stop_timeout
        self._preparations = Preparations(self._views, fence)
        self._environment = environment or Environment()
        self._stopping: set[tuple[str, str]] = set()
        self._unstartable: dict[tuple[str, str], Instance] = {}
        self._lock = threading.RLock()

    @property
    def health_path(self) -> str:
        return self._health

    # ── what runs ──────────────────────────────────────────────────────────────────────────────────────────

    def instances(self) -> tuple[Instance, ...]:
        self._census.hear()
        known = [
            one
            for one in self._census.known(book.read(self._file))
            if not one.lost and not (one.must_start and (one.entry.version, one.entry.host) in self._unstartable)
        ]
        self._stopping &= {one.entry.key for one in known}
        asked = [one for one in known if one.is_alive and not one.must_start]
        answers = ask_all([self._place(one.entry) for one in asked], self._health)
        answered = {one.entry.key: answer for one, answer in zip(asked, answers, strict=True)}
        shown = [
            self._wellness.instance(
                one, self._place(one.entry), answered.get(one.entry.key),
                stopping=one.entry.key in self._stopping, public=self._environment.without_secrets,
            )
            for one in known
        ]  # fmt: skip
        self._census.note(known, shown)
        return (*shown, *tuple(self._unstartable.values()))

    def log_tail(self, instance: str, lines: int = 3) -> tuple[str, ...]:
        return for_sentences(self._environment.without_secrets(self._written(instance, max(20, 3 * lines))), lines)

    def log(self, instance: str, lines: int) -> tuple[str, ...]:
        return for_people(self._written(instance, lines), lines, self._environment.without_secrets)

    def _written(self, instance: str, lines: int) -> str:
        self._census.hear()
        known = [one for one in self._census.known(book.read(self._file)) if not one.lost]
        # The newest instance at an address counts.
        named = [one.entry for one in known if instance in (one.entry.id, self._address(one.entry))]
        if not named or lines <= 0:
            return ""
        return "\n".join(self._views[named[-1].host].runner.log(named[-1].name, lines))

    # ── changes ────────────────────────────────────────────────────────────────────────────────────────────

    def ensure(self, version: str, count: int) -> None:
        self._fence.check()
        with self._lock:
            if count == 0:
                self._unstartable = {key: one for key, one in self._unstartable.items() if key[0] != version}
            self._census.hear()
            kept = book.read(self._file).wanting(version, count)
            kept = replace(kept, lost=tuple(sorted(self._census.lost(kept))))
            known, steps = self._census.known(kept), Steps()
            # What a host brings back that was away when its version was stopped everywhere.
            unwanted = {one for one, wanted in kept.wanted.items() if not wanted} - {version}
            for one in known:
                if one.entry.version in unwanted:
                    self._stop(one, steps)
            mine = [one for one in known if one.entry.version == version]
            young = sum([self._is_young(one, count, steps) for one in mine if not one.is_alive and not one.lost])
            alive = [one for one in mine if one.is_alive]
            for one in alive[count:]:
                self._stop(one, steps)
            stays = [one for one in known if not one.must_start or one.entry.version not in {version, *unwanted}]
            kept = kept.holding(staying(one) for one in (*stays, *(one for one in alive[:count] if one.must_start)))
            book.write(self._file, kept)
            missing = count - len(alive) - young
            added = self._starts.chosen(version, missing, known, kept.highest) if missing > 0 else ()
            if added:
                # Before they start: who takes over must know them.
                book.write(self._file, kept.holding((*kept.entries, *added)))
            for entry in (*(one.entry for one in alive[:count] if one.must_start), *added):
                self._start(entry, steps)
            self._carry_out(steps)

    def _is_young(self, one: Known, count: int, steps: Steps) -> bool:
        """See to an instance that stops or has ended. Returns whether it died too recently to be replaced."""
        found = one.found
        if found is not None and not found.running and not found.stopping and count and found.age < _YOUNG:
            return True
        self._stop(one, steps)
        return False

    def prepare(self, version: str) -> None:
        self._fence.check()
        self._preparations.begin(version)

    def prepared(self, version: str) -> Preparation | None:
        return self._preparations.of(version)

    def replace(self, version: str, instance: str) -> None:
        self._fence.check()
        with self._lock:
            self._census.hear()
            steps = Steps()
            for one in self._census.known(book.read(self._file)):
                found = one.found
                if one.entry.version != version or self._address(one.entry) != instance or found is None:
                    continue
                # What died by itself is `ensure`'s to replace, with its pause between two starts.
                if found.running or found.stopping:
                    self._stop(one, steps)
            self._carry_out(steps)

    def stop(self) -> None:
        self._fence.check()
        until = time.monotonic() + self._stop_timeout + _STOPS_WITHIN
        with self._lock:
            while True:
                self._census.hear(now=True)
                kept = book.read(self._file)
                known = self._census.known(kept)
                left = [one for one in known if one.found is not None and not one.trouble]
                if not left or time.monotonic() > until:
                    break
                steps = Steps()
                for one in left:
                    self._stop(one, steps)
                self._carry_out(steps)
                time.sleep(0.05)
            if kept != book.Book():
                away = [staying(one) for one in known if one.trouble]
                book.write(self._file, book.Book(highest=kept.highest).holding(away))
            if trouble := self._census.trouble():
                raise AdapterError(f"what runs there was not stopped: {line('; '.join(trouble), 500)}")
            if left:
                raise AdapterError(f"{', '.join(one.entry.id for one in left[:5])} did not stop")

    def _start(self, entry: Entry, steps: Steps) -> None:
        steps.setdefault(entry.host, []).append(partial(self._started, entry))

    def _started(self, entry: Entry) -> None:
        wanted = Wanted(name=entry.name, version=entry.version, number=entry.number, port=entry.port)
        runner = self._views[entry.host].runner
        try:
            if not self._preparations.is_done(entry.version, entry.host):
                known_as = runner.prepare(entry.version, self._fence)
                self._preparations.note(entry.version, entry.host, known_as)
            runner.start(wanted, self._fence)
        except NeverStarts as error:
            # A retry would not help, so it is reported as an instance that exited, with the reason.
            host, port = self._place(entry)
            why = said_of(entry.host, error)
            self._unstartable[entry.version, entry.host] = Instance(
                entry.id, entry.version, host, port, Health.EXITED, None, why
            )  # fmt: skip
            raise
        self._unstartable.pop((entry.version, entry.host), None)

    def _stop(self, one: Known, steps: Steps) -> None:
        entry = one.entry
        if one.found is not None and one.found.running:
            self._stopping.add(entry.key)
        if one.found is not None or one.trouble:
            stop = partial(self._views[entry.host].runner.stop, entry.name, self._fence)
            steps.setdefault(entry.host, []).append(stop)

    def _carry_out(self, steps: Mapping[str, Sequence[Callable[[], None]]]) -> None:
        """Do these steps, those of a host one after another, and all hosts at once. Raises Fenced, and AdapterError
        with the name of every host that did not do its part."""
        under_way: dict[str, Errand[None]] = {}
        refused: list[str] = []
        for host, todo in steps.items():
            if trouble := self._views[host].trouble:
                refused.append(trouble)
            elif (errand := self._views[host].change(partial(_in_turn, todo))) is not None:
                under_way[host] = errand
        wait_for(under_way.values(), _CHANGE_WAIT)
        errors: list[AdapterError] = []
        for host, errand in under_way.items():
            try:
                if errand.is_done:  # otherwise it goes on, and the next look sees how it ended
                    errand.result()
            except Fenced:
                raise
            except AdapterError as error:
                errors.append(error)
                refused.append(said_of(host, error))
        if refused:
            said = line("; ".join(dict.fromkeys(refused)), 1000)
            never = len(errors) == len(refused) and all(isinstance(error, NeverStarts) for error in errors)
            raise (NeverStarts if never else AdapterError)(said)

    def _place(self, entry: Entry) -> tuple[str, int]:
        return self._views[entry.host].host.address, entry.port

    def _address(self, entry: Entry) -> str:
        return f"{self._views[entry.host].host.address}:{entry.port}"


def _in_turn(todo: Sequence[Callable[[], None]]) -> None:
    """Each step, also where one before it failed. Raises the first failure."""
    first: Exception | None = None
    for step in todo:
        try:
            step()
        except AdapterError as error:
            first = first or error
    if first is not None:
        raise first
