"""What an adapter implements: the ports, and the errors that they raise. Public; see docs/library.md."""

from pilotage.adapters.ports import (
    AdapterError,
    AlertSeries,
    Checks,
    Fenced,
    Flags,
    Fleet,
    Metrics,
    Notifier,
    Probes,
    Queries,
    Router,
)

__all__ = [
    "AdapterError", "AlertSeries", "Checks", "Fenced", "Flags", "Fleet", "Metrics", "Notifier", "Probes", "Queries",
    "Router",
]  # fmt: skip
