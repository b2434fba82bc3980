"""The public status page as a channel. What is recorded as sent is what the page shows, so sending is recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilotage.adapters.notifier import Delivery
from pilotage.model.json import JsonObject

if TYPE_CHECKING:
    from pilotage.adapters.notify.publishing import StatusPageSection


class StatusPage:
    """The worker draws the page from the outbox (`engine/records/shown.py`) within a second or two."""

    def __init__(self, section: StatusPageSection) -> None:
        self._section = section

    def send(self, delivery: Delivery) -> JsonObject:
        return {"id": delivery.message.key}
