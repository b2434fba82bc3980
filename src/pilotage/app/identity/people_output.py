"""People as data for programs."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.app.identity.people import Listed
from pilotage.model.output.people import PeopleOutput, PersonOutput
from pilotage.model.timestamp import timestamp


def people_output(found: Sequence[Listed]) -> PeopleOutput:
    return PeopleOutput(people=tuple(person_output(one) for one in found))


def person_output(one: Listed) -> PersonOutput:
    person = one.person
    return PersonOutput(
        name=person.name, email=person.email, roles=tuple(str(grant) for grant in one.grants), groups=person.groups,
        ways=one.ways, emergency=person.emergency, disabled=person.disabled_at is not None,
        created_at=timestamp(person.created_at),
    )  # fmt: skip
