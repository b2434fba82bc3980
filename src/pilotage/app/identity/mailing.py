"""Mails a one-time link through the first mail channel of the configuration.

It goes out at once and not through the outbox: the store never holds a link that still counts.
"""

from __future__ import annotations

from pilotage.app.project import Project
from pilotage.model.errors import Invalid
from pilotage.model.json import JsonObject


class NoMail(Invalid):
    """No channel can send this mail."""


def can_mail(project: Project) -> bool:
    return _channel(project) is not None


def mail_link(project: Project, to: str, name: str, address: str) -> None:
    """Raises NoMail, and Undelivered where the mail server refuses it."""
    from pilotage.adapters.notifier import Delivery
    from pilotage.adapters.notify import open_channel
    from pilotage.app.identity.secrets import hash_of
    from pilotage.model.message import Message, Severity

    section = _channel(project)
    if section is None or not to:
        raise NoMail("name a mail address, and configure a channel of kind email")
    key = f"invitation/{hash_of(address)[:16]}"
    text = (
        f"{project.actor} invites you, {name}, to release with Pilotage. Open this link within a week and choose a "
        f"password; it works once:\n\n{address}\n\nIf you did not expect this, delete this mail."
    )
    message = Message(
        key, key, "invitation", Severity.INFO, "Your account at Pilotage", text, project.clock.now(),
        project.whole.configuration.service, "none", "none", to=(to,),
    )  # fmt: skip
    open_channel(section).send(Delivery(message=message))


def _channel(project: Project) -> JsonObject | None:
    for one in project.whole.configuration.notify:
        section = one.kept(project.whole.folder)
        if section.get("kind") == "email" and not section.get("tenants"):
            return section
    return None
