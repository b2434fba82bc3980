"""Which plan a request is about: fields that many bodies and queries have, and the plan that they mean."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated

import msgspec

from pilotage.app.known_risk import planned
from pilotage.app.plan import PlanRequest
from pilotage.model.acceptance import Acceptance
from pilotage.model.errors import Invalid
from pilotage.model.plan import Plan
from pilotage.web.route import Asked, Body, Query

Version = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Text = Annotated[str, msgspec.Meta(max_length=200)]
Reason = Annotated[str, msgspec.Meta(max_length=2000)]
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
Items = Annotated[tuple[Text, ...], msgspec.Meta(max_length=100)]
Revisions = Annotated[str, msgspec.Meta(min_length=1, max_length=400)]

Moment = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?$",
        max_length=40, examples=["2026-12-01T14:30"],
    ),
]  # fmt: skip
"""A date and a time; seconds may be left out."""

_FIRST, _LAST = date(1970, 1, 1), date(2199, 12, 31)
"""Outside of them, a calendar cannot count days on and back."""


class PlanBody(Body, frozen=True, kw_only=True):
    """version: of the release · day: on which all users have it; null for a plan without a date · done: finished phases
    · accept: conflicts that the plan may have, each with the reason."""

    version: Version
    day: date | None = None
    done: Items = ()
    accept: Annotated[Mapping[str, Reason], msgspec.Meta(max_length=50)] = {}


class ShownPlanBody(PlanBody, frozen=True, kw_only=True):
    """version: of the release · day: on which all users have it; null for a plan without a date · done: finished phases
    · accept: conflicts that the plan may have, each with the reason · as_update: plan as if an earlier version served
    already."""

    as_update: bool = False


class VersionQuery(Query, frozen=True, kw_only=True):
    """version: of the release · day: on which all users have it; none for a plan without a date."""

    version: Version
    day: date | None = None


def planned_by(asked: Asked, body: PlanBody) -> Plan:
    """The plan of the body, for the environment of the path. Raises Invalid."""
    accepted = {name: Acceptance(by=asked.who.name, reason=reason) for name, reason in body.accept.items()}
    return planned(asked.project, asked.params["environment"], wish_of(asked, body, accepted))


def planned_of(asked: Asked, query: VersionQuery) -> Plan:
    return planned(asked.project, asked.params["environment"], wish_of(asked, query, {}))


def wish_of(asked: Asked, about: PlanBody | VersionQuery, accepted: Mapping[str, Acceptance]) -> PlanRequest:
    done = about.done if isinstance(about, PlanBody) else ()
    as_update = isinstance(about, ShownPlanBody) and about.as_update
    return PlanRequest(
        about.version, near(about.day), asked.project.today, done, accepted, as_update=as_update
    )  # fmt: skip


def moment_of(text: str, name: str) -> datetime:
    """Of a `Moment`. name: of its field. Raises Invalid for a day or an hour that there is not."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{name} is a time such as 2026-12-01T14:30, not {text[:40]!r}") from None
    near(found.date())
    return found


def near(day: date | None) -> date | None:
    """Raises Invalid for a day that no calendar reaches."""
    if day is not None and not _FIRST <= day <= _LAST:
        raise Invalid(f"{day} is not between {_FIRST} and {_LAST}")
    return day
