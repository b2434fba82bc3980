"""What a port raises."""

from __future__ import annotations

from pilotage.model.errors import Unavailable


class AdapterError(Unavailable):
    """A router, fleet, metrics source, flag service or channel did not answer, or failed. The message says what to
    do.
    """


class Fenced(AdapterError):
    """Another controller has taken over this target, so this one stops changing it."""


class AwaitsApproval(AdapterError):
    """A provider keeps a change until somebody approves it there. The message says where."""


class NeverStarts(AdapterError):
    """A program does not exist, or cannot be executed. Trying again would not help."""
