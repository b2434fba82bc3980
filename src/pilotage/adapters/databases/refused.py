"""What a database refuses to its user, told apart from what is wrong with a question."""

from __future__ import annotations

from pilotage.adapters.ports import AdapterError


class Refused(AdapterError):
    """The database's user may not read this. The message names the privilege that is missing."""


class NoTable(AdapterError):
    """The database has no table of this name."""
