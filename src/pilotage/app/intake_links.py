"""Addresses of the forms for users, as facts of announcements and other messages."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from pilotage.config.loading import Loaded

HARM, FEEDBACK, TEAM = "report", "feedback", "team"
"""Paths of the forms below `intake.url`."""


def links(loaded: Loaded, version: str = "") -> Mapping[str, str]:
    """`report_url` and `feedback_url`: of the forms about a version; empty without `intake`."""
    return {
        "report_url": form_url(loaded, HARM, version),
        "feedback_url": form_url(loaded, FEEDBACK, version),
    }


def form_url(loaded: Loaded, form: str, version: str = "") -> str:
    """The address of a form about a version, or about whichever a user has; empty without `intake`."""
    section = loaded.configuration.intake
    if section is None:
        return ""
    # Of several services, a link names the one that it is about; on the page of all of them users choose.
    one = "" if loaded.configuration.services else loaded.configuration.service
    about = {"service": one, "version": version}
    query = urlencode({name: value for name, value in about.items() if value})
    return f"{section.url.rstrip('/')}/{form}" + (f"?{query}" if query else "")
