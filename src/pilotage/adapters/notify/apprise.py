"""ntfy, Discord, Telegram and others through Apprise (https://github.com/caronc/apprise), as plain text."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pilotage.adapters.notifier import Delivery
from pilotage.adapters.outgoing import Undelivered, checked
from pilotage.adapters.secrets import resolve
from pilotage.model.json import JsonObject
from pilotage.model.medium import Medium
from pilotage.model.message import Severity
from pilotage.model.text import line, plain

if TYPE_CHECKING:
    from pilotage.adapters.notify.sections import AppriseSection

_KINDS = {
    Severity.PROGRESS: "info", Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure",
}  # fmt: skip


class Apprise:
    def __init__(self, section: AppriseSection) -> None:
        self._section = section

    def send(self, delivery: Delivery) -> JsonObject:
        import apprise

        message = delivery.message

        # Its own log shows addresses, and addresses hold tokens.
        logging.getLogger("apprise").setLevel(logging.CRITICAL)
        url = resolve(self._section.url).reveal()
        _public(url, private=self._section.allow_private_network)
        sender = apprise.Apprise()
        if not sender.add(url):
            raise Undelivered("Apprise does not know this kind of address", permanent=True)
        kind = apprise.NotifyType(_KINDS[message.severity])
        text, title = plain(message.text, 4000), line(message.title, 200)
        if message.kind == Medium.SOCIAL:
            title = ""  # a post is its text, and a key in it would be noise in public
        else:
            text = f"{text}\n\n{line(message.key, 200)}"
        if not sender.notify(title=title, body=text, notify_type=kind, body_format="text"):
            raise Undelivered("Apprise could not deliver it")
        return {}


def _public(url: str, *, private: bool) -> None:
    """Addresses that name a host of their own are held to the rule for all. What has no dot may be a service's token,
    which is no host's name and leads to no address."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        raise Undelivered("its address cannot be read", permanent=True) from None
    if not host:
        return
    try:
        checked(host, 443, private=private)
    except Undelivered as error:
        if error.permanent or "." in host or ":" in host:
            raise
