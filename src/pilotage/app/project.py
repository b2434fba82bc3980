"""Where someone works: a configuration, the store next to it, and who is at work."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.clock import SYSTEM
from pilotage.adapters.state_folder import state_folder
from pilotage.model.clock import Clock, today
from pilotage.model.errors import Invalid

if TYPE_CHECKING:
    from pilotage.adapters.keys import Signer
    from pilotage.app.permissions import People, Permission
    from pilotage.config.loading import Loaded
    from pilotage.config.names import Names
    from pilotage.engine.records.reader import Reader
    from pilotage.engine.records.store import Store
    from pilotage.model.access import Identity, Proof
    from pilotage.model.actor import Actor
    from pilotage.model.calendar import Calendar
    from pilotage.model.record import Rollout, RolloutSummary
    from pilotage.model.schedule import Role


class Unclear(Invalid):
    """The command names something that does not exist, or could mean several things. The message lists them."""


def _log_warning(sentence: str) -> None:
    import logging

    logging.getLogger(__name__).warning(sentence)


@dataclass
class Project:
    """`config` is pilotage.yaml; the state is in `.pilotage` next to it, or where PILOTAGE_STATE says.

    warn: shows a sentence about something that does not stop the command · identity: who asks a server, with the roles
    that count; None in a shell, where the operating system decides who may write here.
    """

    config: Path
    service: str | None = None
    clock: Clock = SYSTEM
    warn: Callable[[str], None] = _log_warning
    identity: Identity | None = None
    _said_unread: bool = False

    @classmethod
    def of(cls, loaded: Loaded, store: Store) -> Project:
        """Of a configuration and a store that are open already."""
        made = cls(loaded.path, loaded.configuration.service, store.clock)
        made.__dict__ |= {"whole": loaded, "loaded": loaded, "store": store}
        return made

    def for_service(self, name: str) -> Project:
        """The same for one of several services."""
        made = replace(self, service=name)
        made.__dict__ |= {name: self.__dict__[name] for name in ("whole", "names") if name in self.__dict__}
        made.__dict__ |= {name: self.__dict__[name] for name in ("store", "records") if name in self.__dict__}
        return made

    @property
    def folder(self) -> Path:
        """The folder of pilotage.yaml, absolute."""
        return self.config.resolve().parent

    @property
    def directory(self) -> Path:
        return state_folder(self.folder)

    @cached_property
    def loaded(self) -> Loaded:
        return self.whole.of(self._service()) if self.whole.configuration.services else self.whole

    @cached_property
    def whole(self) -> Loaded:
        """The configuration of all services together; of one, where there is only one."""
        from pilotage.config.loading import load

        return load(self.config)

    @cached_property
    def calendars(self) -> dict[date, Calendar]:
        """Of all services together, by the day around which each was worked out."""
        return {}

    @cached_property
    def names(self) -> Names:
        """Services and environments; the models of the configuration are loaded only where it is not plain which they
        are. Raises ConfigError."""
        from pilotage.config.names import Names, names_in

        if "whole" not in self.__dict__ and (found := names_in(self.config)) is not None:
            return found
        services = self.whole.configuration.services
        if services:
            return Names(environments={n: tuple(s.environments) for n, s in services.items()}, several=True)
        one = self.whole.configuration
        return Names(environments={one.service: tuple(one.environments)}, several=False)

    def _service(self) -> str:
        """The service meant. Raises Unclear, ConfigError."""
        known = list(self.names.environments)
        if not self.names.several:
            if self.service not in (None, known[0]):
                raise Unclear(f"{self.config} has no service {self.service!r}; it has {known[0]}")
            return known[0]
        if self.service is None:
            raise Unclear(f"name the service before the command: pilotage -s NAME …: {', '.join(known)}")
        if self.service not in known:
            raise Unclear(f"{self.config} has no service {self.service!r}; it has {', '.join(known)}")
        return self.service

    @property
    def has_store(self) -> bool:
        """Whether anything was ever recorded here: a command that only reads a repository creates no store."""
        from pilotage.engine.placement.location import DATABASE

        return "store" in self.__dict__ or DATABASE in os.environ or (self.directory / "pilotage.sqlite").exists()

    @cached_property
    def store(self) -> Store:
        from pilotage.engine.records.store import Store

        return Store(self.directory, clock=self.clock)

    @cached_property
    def records(self) -> Reader | Store:
        """The store, for who only reads: what it costs to open is then spent only where it must be."""
        if "store" not in self.__dict__:
            from pilotage.engine.records.reader import reader_of

            if (found := reader_of(self.directory)) is not None:
                return found
        return self.store

    def ensure_worker(self) -> None:
        """See that a worker is at work here, and knows what is to be published."""
        from pilotage.engine.execution.supervisor import ensure_worker

        self.publish_settings()
        ensure_worker(self.directory)

    def publish_settings(self) -> None:
        """For the worker: what is to be published, and the configuration for what it does beside rollouts."""
        from pilotage.app.published_settings import publish

        publish(self)

    def signer(self) -> Signer | None:
        """The key that signs, or None, with a warning, where it cannot be used: records matter more than signatures."""
        from pilotage.app.keys import signer_of

        return signer_of(self)

    @property
    def moment(self) -> datetime:
        """Now, in UTC."""
        return datetime.fromtimestamp(self.clock.now(), UTC)

    @property
    def today(self) -> date:
        """The day it is now where the service's calendar is."""
        return today(self.clock, self.whole.configuration.calendar.timezone)

    @property
    def actor(self) -> str:
        """The actor: who asked the server; in a shell PILOTAGE_ACTOR, otherwise the login name."""
        from pilotage.app import shell_actor

        return shell_actor.actor() if self.identity is None else self.identity.name

    @property
    def proof(self) -> Proof:
        """How the actor was proven."""
        from pilotage.app import shell_actor

        return shell_actor.proof(self) if self.identity is None else self.identity.proof

    @property
    def people(self) -> People:
        """`people` of the configuration; empty if it cannot be read. Then the people recorded with a rollout decide, in
        the engine."""
        from pilotage.app.permissions import People
        from pilotage.config.yaml_reader import ConfigError

        try:
            return People.of(self.whole)
        except ConfigError:
            return People(by_name={}, where=f"{self.config}: people")

    def require(
        self, actor: str, permission: Permission, environment: str = "", role: Role | None = None,
        others: tuple[Role, ...] = (),
    ) -> Actor:  # fmt: skip
        """The actor of that name, who may do this here; what they change is theirs in the audit log. others: roles
        that will do as well. Raises Forbidden."""
        from pilotage.app.permissions import Thing
        from pilotage.app.requiring import require, service_of

        return require(
            self, actor, permission, Thing(service=service_of(self), environment=environment, role=role, others=others)
        )  # fmt: skip

    def environment(self, named: str | None) -> str:
        """The environment meant: the one named, or the only one. Raises Unclear."""
        known = self.names.environments[self._service()]
        if named is None and len(known) == 1:
            return known[0]
        if named is None:
            raise Unclear(f"name the environment with -e: {', '.join(known)}")
        if named not in known:
            raise Unclear(f"{self.config} has no environment {named!r}; it has {', '.join(known)}")
        return named

    def place(self, named: str | None) -> tuple[str, str]:
        """The service and the environment meant. If the configuration cannot be read, those of the store, if it knows
        only one or they are named: stopping something must not wait until a file is fixed. Raises Unclear,
        ConfigError."""
        from pilotage.config.yaml_reader import ConfigError

        try:
            return self._service(), self.environment(named)
        except ConfigError as unread:
            return self._recorded(named, unread)

    @property
    def service_name(self) -> str:
        """The service meant; if the configuration cannot be read, that of the store."""
        from pilotage.config.yaml_reader import ConfigError

        try:
            return self._service()
        except ConfigError as unread:
            return self._recorded(None, unread)[0]

    def _recorded(self, named: str | None, unread: Exception) -> tuple[str, str]:
        known = self.records.places() if self.has_store else ()  # without a store, its layer is not loaded
        found = [one for one in known if self.service in (None, one[0]) and named in (None, one[1])]
        if not found:
            raise unread
        if len(found) > 1:
            shown = ", ".join(f"-s {service} -e {environment}" for service, environment in found)
            raise Unclear(f"{self.config} is unreadable; choose one: {shown}") from unread
        if not self._said_unread:
            self.warn(f"{self.config} is unreadable; using {found[0][0]} in {found[0][1]} from the store")
            self._said_unread = True
        return found[0]

    def rollout(self, named: str | None, identity: str | None = None) -> Rollout:
        """The rollout with this id, or the last one of the environment. Raises Unclear if there is none."""
        if identity is not None:
            try:
                return self.records.get(identity)
            except KeyError:
                raise Unclear(f"no rollout has the id {identity!r}; list them with `pilotage history`") from None
        return self.records.get(self.newest(named).id)

    def all_of(self, named: str | None) -> tuple[str, ...]:
        """Every environment, where none is named and there are several; else none."""
        known = self.environments() if named is None else ()
        return known if len(known) > 1 else ()

    def environments(self) -> tuple[str, ...]:
        """Of the service; none if the configuration cannot be read, or if several services are meant."""
        from pilotage.config.yaml_reader import ConfigError

        try:
            return tuple(self.names.environments[self._service()])
        except (ConfigError, Unclear):
            return ()

    def summary(self, identity: str) -> RolloutSummary:
        """What the columns of a rollout say, whether it can be read whole or not. Raises Unclear."""
        try:
            return self.records.look_up(identity)
        except KeyError:
            raise Unclear(f"no rollout has the id {identity!r}; list them with `pilotage history`") from None

    def newest(self, named: str | None) -> RolloutSummary:
        """The rollout that started last in an environment, whether it can be read whole or not. Raises Unclear."""
        service, environment = self.place(named)
        latest = self.records.newest(service, environment)
        if latest is None:
            from pilotage.app.undeployed import why_nothing

            raise Unclear(why_nothing(self.directory, service, environment))
        return latest
