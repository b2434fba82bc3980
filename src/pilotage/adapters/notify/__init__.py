"""Channels: from a section of `notify` that was kept with a message to what delivers it."""

from __future__ import annotations

from pathlib import Path

from pilotage.adapters.ports import Notifier
from pilotage.model.json import JsonObject


def open_channel(section: JsonObject, folder: Path | None = None) -> Notifier:
    """The notifier of a section, as plain data. Its secrets are resolved at each sending. folder: where programs start.

    A message may have been kept by another version of Pilotage: keys that this one does not know are ignored. Raises
    AdapterError for a kind that is not installed.
    """
    from pilotage.adapters import registry
    from pilotage.adapters.context import Context
    from pilotage.adapters.fence import Fence
    from pilotage.model.capabilities import Port

    place = folder or Path()
    adapter = registry.get(Port.NOTIFY, str(section.get("kind", "")))
    context = Context(directory=place, fence=Fence(place / "fence.json", 0), service="", environment="", folder=place)
    made: Notifier = adapter.open(registry.leniently(adapter, section), context)
    return made
