"""Reports and feedback of users as a table and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pilotage.model.output.feedback import UserReportOutput, UserReportsOutput
from pilotage.model.report import BEST, Report
from pilotage.model.text import line
from pilotage.model.timestamp import timestamp

HARM_TITLES = ("no.", "reported", "version", "by", "state", "text")
FEEDBACK_TITLES = ("given", "version", "rating", "text")
_LONGEST = 400


def harm_row(one: Report) -> tuple[str, ...]:
    state = f"{one.state} by {one.decided_by}" if one.decided_by else str(one.state)
    text = line(one.text, _LONGEST) or "(deleted)"
    return (str(one.id), _clock(one.at), one.version or "–", one.source.value, state, f"{text}{_request(one)}")


def feedback_row(one: Report) -> tuple[str, ...]:
    return (_clock(one.at), one.version or "–", f"{one.rating} of {BEST}", line(one.text, _LONGEST))


def _request(one: Report) -> str:
    return f" (request {one.request})" if one.request else ""


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"


def reports_output(found: Sequence[Report]) -> UserReportsOutput:
    return UserReportsOutput(
        reports=tuple(
            UserReportOutput(
                number=one.id, service=one.service, environment=one.environment, version=one.version or None,
                source=one.source.value, received_at=timestamp(one.at), text=one.text, request=one.request or None,
                rating=one.rating or None, state=one.state.value, decided_by=one.decided_by or None, reason=one.reason,
            )
            for one in found
        )
    )  # fmt: skip
