"""How a maintenance window is divided between the way forward and the way back."""

from __future__ import annotations


def way_forward(window: float, back: float) -> float:
    """Seconds for which a service may be closed before its release is restored: what the way back leaves of the window,
    and at least half. back: seconds that the way back may take."""
    return max(window / 2, window - back)
