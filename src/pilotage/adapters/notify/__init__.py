"""Channels: from a section of `notify` that was kept with a message to what delivers it."""

from __future__ import annotations

from pathlib import Path

from pilotage.adapters.notifier import Notifier
from pilotage.model.json import JsonObject


def open_channel(section: JsonObject) -> Notifier:
    """The notifier of a section as it was kept, plain data. Its secrets are resolved at each sending.

    A message may have been kept by another version of Pilotage: keys that this one does not know are ignored. Raises
    AdapterError for a kind that is not installed.
    """
    from pilotage.adapters import registry
    from pilotage.adapters.context import Context
    from pilotage.adapters.fence import Fence
    from pilotage.config.channels import STARTS_IN
    from pilotage.model.capabilities import Port

    place = Path(str(section.get(STARTS_IN, "")))
    section = {key: value for key, value in section.items() if key != STARTS_IN}
    adapter = registry.get(Port.NOTIFY, str(section.get("kind", "")))
    context = Context(directory=place, fence=Fence(place / "fence.json", 0), service="", environment="", folder=place)
    made: Notifier = adapter.open(registry.leniently(adapter, section), context)
    return made
