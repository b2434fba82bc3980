"""The port of a channel: what a message needs to be delivered, and what holds for every adapter that delivers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pilotage.model.json import JsonObject
from pilotage.model.message import Message


def _forgotten(_: JsonObject) -> None:
    """Of a delivery that nobody resumes."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A message for one channel. first: receipt of the first message of its thread there, if there was one · again: an
    earlier attempt may have arrived · so_far: what earlier attempts had done · note: keeps the same while this attempt
    is at work, so that nothing of it is done twice if the process dies."""

    message: Message
    first: JsonObject | None = None
    again: bool = False
    so_far: JsonObject | None = None
    note: Callable[[JsonObject], None] = _forgotten


class Notifier(Protocol):
    """Delivers messages through one channel."""

    def send(self, delivery: Delivery) -> JsonObject:
        """Deliver one message.

        Effect: people see it once. If the receiver can be asked, a retry first looks whether the message is there.
            Otherwise the message carries its key, by which the receiver recognises a duplicate.
        After it returns: a receipt, plain JSON without secrets.
        Errors: Undelivered: permanent, or with the wait that the receiver requested. No error contains a secret.
        Deadline: about ten seconds.
        Concurrency: one message of a channel at a time.
        """
