"""What a package with an adapter of its own needs: the ports, what they promise, and how an adapter is described.

docs/guides/adapters.md shows how. The names here stay; everything else of Pilotage may move.
"""

from __future__ import annotations

from pilotage.adapters.alert_series import AlertSeries
from pilotage.adapters.context import Context, Peers
from pilotage.adapters.fence import Fence
from pilotage.adapters.notifier import Delivery, Notifier
from pilotage.adapters.outgoing import Undelivered
from pilotage.adapters.own_requests import SYNTHETIC_HEADER, synthetic_token
from pilotage.adapters.ports import (
    AdapterError,
    Backends,
    Checks,
    Fenced,
    Flags,
    Fleet,
    Metrics,
    PreparingFleet,
    Probes,
    Queries,
    Router,
)
from pilotage.adapters.registry import Adapter
from pilotage.adapters.routers.found import FoundRouter
from pilotage.config.channels import Channel
from pilotage.config.fields import Section
from pilotage.config.kinds import FlagSection, FleetSection, MetricsSection, QueriesSection, RouterSection
from pilotage.model.capabilities import (
    FlagsCapabilities,
    FleetCapabilities,
    MetricsCapabilities,
    NotifyCapabilities,
    QueriesCapabilities,
    RouterCapabilities,
)
from pilotage.model.finding import Finding
from pilotage.model.flag import OFF, Ramp
from pilotage.model.json import Json, JsonObject, read_as
from pilotage.model.message import Message
from pilotage.model.observation import Health, Histogram, Instance, Observation, Preparation, Reading
from pilotage.model.traffic import WHOLE, HeaderRoute, Mirror, Split, split_between

__all__ = [
    "OFF",
    "SYNTHETIC_HEADER",
    "WHOLE",
    "Adapter",
    "AdapterError",
    "AlertSeries",
    "Backends",
    "Channel",
    "Checks",
    "Context",
    "Delivery",
    "Fence",
    "Fenced",
    "Finding",
    "FlagSection",
    "Flags",
    "FlagsCapabilities",
    "Fleet",
    "FleetCapabilities",
    "FleetSection",
    "FoundRouter",
    "HeaderRoute",
    "Health",
    "Histogram",
    "Instance",
    "Json",
    "JsonObject",
    "Message",
    "Metrics",
    "MetricsCapabilities",
    "MetricsSection",
    "Mirror",
    "Notifier",
    "NotifyCapabilities",
    "Observation",
    "Peers",
    "Preparation",
    "PreparingFleet",
    "Probes",
    "Queries",
    "QueriesCapabilities",
    "QueriesSection",
    "Ramp",
    "Reading",
    "Router",
    "RouterCapabilities",
    "RouterSection",
    "Section",
    "Split",
    "Undelivered",
    "read_as",
    "split_between",
    "synthetic_token",
]
