"""What a store keeps for the server: people and how they sign in. Commands of a shell do without, so it loads late."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from pilotage.engine.records.accounts import Accounts
    from pilotage.engine.records.device_logins import DeviceLogins
    from pilotage.engine.records.persons import Persons
    from pilotage.engine.records.roles import Roles
    from pilotage.engine.records.tokens import Tokens


class ServerRecords:
    """The part of a `Store`, which has the engine."""

    _engine: Engine

    @cached_property
    def persons(self) -> Persons:
        """People, sessions, tokens and roles: commands of a shell do without them."""
        from pilotage.engine.records.persons import Persons

        return Persons(self._engine)

    @cached_property
    def device_logins(self) -> DeviceLogins:
        from pilotage.engine.records.device_logins import DeviceLogins

        return DeviceLogins(self._engine)

    @cached_property
    def accounts(self) -> Accounts:
        """How people sign in, their one-time links and failed attempts."""
        from pilotage.engine.records.accounts import Accounts

        return Accounts(self._engine)

    @cached_property
    def tokens(self) -> Tokens:
        """Tokens of people and of service accounts."""
        from pilotage.engine.records.tokens import Tokens

        return Tokens(self._engine)

    @cached_property
    def roles(self) -> Roles:
        """Who has which role where, and custom roles."""
        from pilotage.engine.records.roles import Roles

        return Roles(self._engine)
