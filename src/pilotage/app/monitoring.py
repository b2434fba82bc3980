"""What the worker does for Prometheus: the alert rules of rollouts, and a page about them that it scrapes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pilotage.adapters.files import write_json
from pilotage.adapters.metrics_page import MetricsServer
from pilotage.app.alert_rules import AlertRules, RulesFile, noted, rules_file
from pilotage.app.own_metrics import OwnMetrics
from pilotage.config.fields import host_and_port
from pilotage.config.stored import read_monitoring
from pilotage.engine.records.store import Store
from pilotage.model.plan import Plan
from pilotage.model.record import Unreadable
from pilotage.render.exposition import CONTENT_TYPE, exposition
from pilotage.render.metrics_page import Shown, metrics_page

_log = logging.getLogger(__name__)
_NOTE = "metrics-pages.json"
_AGAIN = 30.0
"""Seconds after which a rollout of another place is asked about again: it may have moved here."""


@dataclass(frozen=True, kw_only=True)
class _UnderWay:
    """place: `service/environment` · plan: None for a rollout that wants neither rules nor a page · address: of its
    metrics page; empty without one."""

    place: str
    plan: Plan | None
    rules: RulesFile | None
    address: str


class Monitoring:
    """Of one worker's folder. A rollout keeps its configuration, so it is read once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._rules = AlertRules(directory)
        self._under_way: dict[str, _UnderWay] = {}
        self._left: dict[str, float] = {}
        """Rollouts that are not looked at until then, by the monotonic clock."""
        self._pages = noted(directory / _NOTE)
        """Place → address: of what is over, too, so that Prometheus finds the page while no rollout is in progress."""
        self._servers: dict[str, MetricsServer | None] = {}
        self._own: OwnMetrics | None = None

    def keep(self, store: Store) -> None:
        """See that rules lie where they should, and that every page that is wanted is served."""
        there = store.unfinished()
        self._left = {one: until for one, until in self._left.items() if one in there and until > time.monotonic()}
        asked = (one for one in there if one not in self._left)
        read = {one: self._under_way.get(one) or self._read(store, one) for one in asked}
        self._under_way = {identity: one for identity, one in read.items() if one}
        self._note_pages()
        self._serve(store)
        rules = (one.rules for one in self._under_way.values())
        self._rules.keep({one.path: one for one in rules if one})

    def stop(self) -> None:
        for server in self._servers.values():
            if server:
                server.stop()
        self._servers.clear()

    def _read(self, store: Store, identity: str) -> _UnderWay | None:
        """None for a rollout of another place, and for one that cannot be read: neither is asked about again for a
        while, because with a store for many workers most rollouts are of others."""
        try:
            summary = store.look_up(identity)
            home = store.home(self._directory, summary.service, summary.environment)
            rollout = store.get(identity) if home and home.is_here else None
        except (KeyError, Unreadable):
            rollout = None
        if rollout is None:
            self._left[identity] = time.monotonic() + _AGAIN
            return None
        section = read_monitoring(rollout.snapshot.environment)
        if not Path(rollout.snapshot.cwd).is_dir():
            rollout = replace(rollout, snapshot=replace(rollout.snapshot, cwd=str(self._directory.resolve().parent)))
        return _UnderWay(
            place=f"{rollout.service}/{rollout.environment}",
            plan=rollout.plan if section else None,
            rules=rules_file(rollout, section) if section else None,
            address=(section.metrics or "") if section else "",
        )

    def _note_pages(self) -> None:
        pages = {**self._pages, **{one.place: one.address for one in self._under_way.values()}}
        pages = {place: address for place, address in pages.items() if address}
        if pages != self._pages:
            write_json(self._directory / _NOTE, pages)
            self._pages = pages

    def _serve(self, store: Store) -> None:
        wanted = dict.fromkeys(self._pages.values())
        for address in [address for address in self._servers if address not in wanted]:
            if server := self._servers.pop(address):
                server.stop()
        for address in wanted:
            if not self._servers.get(address):
                self._begin(address, partial(self._page, store, address))

    def _begin(self, address: str, page: Callable[[], str]) -> None:
        try:
            self._servers[address] = MetricsServer(host_and_port(address), CONTENT_TYPE, page)
        except OSError as error:
            if address not in self._servers:
                _log.warning("cannot serve metrics on %s: %s", address, error)
            self._servers[address] = None

    def _page(self, store: Store, address: str) -> str:
        """Pilotage itself, and the latest rollout of each environment that names this address."""
        places = [place.partition("/") for place, one in self._pages.items() if one == address]
        latest = [found for service, _, environment in places if (found := store.newest(service, environment))]
        seen = store.live_views([rollout.id for rollout in latest])
        plans = {identity: one.plan for identity, one in self._under_way.items()}
        self._own = self._own or OwnMetrics(store)
        return exposition(self._own.families()) + metrics_page(
            Shown(
                service=one.service, environment=one.environment, version=one.version, old=one.old, status=one.status,
                plan=plans.get(one.id), live=seen[one.id],
            )
            for one in latest
        )  # fmt: skip
