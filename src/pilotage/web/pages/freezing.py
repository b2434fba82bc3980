"""The form that declares a freeze."""

from __future__ import annotations

from collections.abc import Mapping

from pilotage.app.requests import FreezeRequest
from pilotage.model.errors import Invalid
from pilotage.model.quantity import parse_duration


class NoFreeze(Invalid):
    """A form for a freeze lacks something, or has what is no duration."""


def freeze_request(form: Mapping[str, str], environment: str) -> FreezeRequest:
    """Raises NoFreeze."""
    name, reason = form.get("name", "").strip(), form.get("reason", "").strip()
    if not name or not reason:
        raise NoFreeze("a freeze needs a name and a reason: both are shown to whoever waits for it")
    try:
        seconds = float(parse_duration(form.get("for", "")))
    except ValueError as error:
        raise NoFreeze(f"how long the freeze lasts: {error}") from None
    if seconds <= 0:
        raise NoFreeze("a freeze lasts longer than 0 s, such as 4h")
    return FreezeRequest(name=name[:100], seconds=seconds, reason=reason[:500], environment=environment)
