"""Exit statuses: what each error, and each end of a rollout, means to the shell."""

from __future__ import annotations

from pilotage.model.rollout import Status

UNVERIFIABLE = 10
"""Exit status of a check that could not be made whole: a signature, a key or an anchor is missing."""


def status_of(end: Status) -> int:
    """The exit status for a rollout's end: 0 completed, 4 rolled back, 5 an operator is needed, 6 still in progress."""
    match end:
        case Status.COMPLETED:
            return 0
        case Status.ROLLED_BACK | Status.CANCELLED:
            return 4
        case Status.FAILED:
            return 5
        case _:
            return 6
