"""Evidence behind a person's word: a page, changed files, people with dates, a record in a ticket system."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from urllib.parse import quote

from pilotage.adapters.git import Git
from pilotage.adapters.http import get_status
from pilotage.adapters.secrets import resolve
from pilotage.app.permissions import People
from pilotage.app.readiness.files import DOCUMENT_AGE, few
from pilotage.app.readiness.first_release import is_first
from pilotage.app.readiness.people import Trained, people_in
from pilotage.app.readiness.remote import CheckContext
from pilotage.app.repository import git_of
from pilotage.config.readiness import EvidenceSection, TicketSection
from pilotage.model.clock import day_of
from pilotage.model.json import Json, find
from pilotage.model.quantity import format_duration
from pilotage.model.readiness import BadEvidence, Evidence
from pilotage.model.schedule import Requirement

_WITHIN = 10.0
"""Seconds for a page or a record."""
_MOST = 4 << 20
"""Bytes of a page or a record."""
_TRAINED = 365 * 86400.0
"""Seconds for which training counts."""
_WITHOUT_DATES = frozenset(("incident_response_plan",))
"""Items whose people are on call: their names are what counts."""


def _link(case: CheckContext, _item: Requirement, given: EvidenceSection) -> Evidence:
    url = _of_release(case, given.link or "")
    status, body = get_status(url, _WITHIN, most=_MOST)
    if status != 200:
        raise BadEvidence(f"{url} answered {status}, not 200{_hint(status)}")
    if not names(body.decode(errors="replace"), case.plan.version):
        raise BadEvidence(f"{url} does not name {case.plan.version}")
    return Evidence("link", True, f"{url} names {case.plan.version}")


def _hint(status: int) -> str:
    return "; name the address that it leads to" if 300 <= status < 400 else ""


def names(text: str, version: str) -> bool:
    """Whether a text names a version, and not one that contains it: 1.1 is neither in 1.1.2 nor in 11.1."""
    at = text.find(version)
    while at >= 0:
        before, after = text[:at].removesuffix("v"), text[at + len(version) : at + len(version) + 2]
        if not (_joins(before[-1:]) or before.endswith(".")) and not _goes_on(after):
            return True
        at = text.find(version, at + 1)
    return False


def _joins(character: str) -> bool:
    return character.isalnum() or character == "_"


def _goes_on(after: str) -> bool:
    """Whether a version continues in these two characters, as in 1.1.2, 1.10 or 1.1-rc1."""
    return _joins(after[:1]) or (after[:1] in tuple("+-.") and _joins(after[1:]))


def _ticket(case: CheckContext, _item: Requirement, given: EvidenceSection) -> Evidence:
    asked = given.ticket
    assert asked is not None
    url = _of_release(case, asked.url)
    status, body = get_status(url, _WITHIN, {"Accept": "application/json", **_authorization(asked)}, most=_MOST)
    if status != 200:
        cure = "; the token may be missing or lack permissions" if status in (401, 403) else _hint(status)
        raise BadEvidence(f"{url} answered {status}{cure}")
    try:
        answer: Json = json.loads(body)
    except (ValueError, RecursionError):
        raise BadEvidence(f"{url} did not return JSON") from None
    said = _said(answer, asked.field, url)
    # A ticket system can ignore a part of a query that it does not understand, and return a record of another release.
    if not any(names(text, case.plan.version) for text in _texts(answer)):
        raise BadEvidence(f"the record at {url} does not name {case.plan.version}")
    words = f"{asked.field} is {said!r} in {url}"
    ready = said == asked.equals
    return Evidence("ticket", ready, words if ready else f"{words}, not {asked.equals!r}")


def _authorization(asked: TicketSection) -> Mapping[str, str]:
    if asked.token is None:
        return {}
    secret = resolve(asked.token).reveal()
    if asked.user is None:
        return {"Authorization": f"Bearer {secret}"}
    return {"Authorization": f"Basic {base64.b64encode(f'{asked.user}:{secret}'.encode()).decode()}"}


def _said(answer: Json, path: str, url: str) -> str:
    """The value of a field. A list of records must have one. Raises BadEvidence."""
    found, walked = answer, list[str]()
    for key in path.split("."):
        if isinstance(found, list) and not key.isdecimal():
            if len(found) != 1:
                raise BadEvidence(f"{url} returned {len(found)} records, not one")
            found = found[0]
        walked.append(key)
        found = find(found, int(key) if key.isdecimal() and isinstance(found, list) else key)
        if found is None:
            raise BadEvidence(f"{url} returned no {'.'.join(walked)}")
    if isinstance(found, dict | list):
        raise BadEvidence(f"{path} of {url} is not one value")
    return found if isinstance(found, str) else json.dumps(found)


def _texts(answer: Json) -> Iterator[str]:
    """Every text in an answer, at any depth."""
    open_ = [answer]
    while open_:
        each = open_.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, Mapping):
            open_ += each.values()
        elif isinstance(each, list | tuple):
            open_ += each


def _of_release(case: CheckContext, url: str) -> str:
    version, environment = quote(case.plan.version, safe=""), quote(case.plan.environment, safe="")
    return url.replace("{version}", version).replace("{environment}", environment)


def _changed(case: CheckContext, _item: Requirement, given: EvidenceSection) -> Evidence:
    """Files of each pattern changed since the version in production; for a first release, they are there."""
    git = git_of(case.loaded)
    last = git.tag_of(case.plan.version) or "HEAD"
    first = "" if is_first(case) else served_commit(case, git)
    found = {glob: _matching(git, first, last, glob) for glob in given.changed}
    if none := [glob for glob, paths in found.items() if not paths]:
        return Evidence("changed", False, f"nothing changed in {few(none)}{f' since {first}' if first else ''}")
    paths = list(dict.fromkeys(path for each in found.values() for path in each))
    return Evidence("changed", True, f"{few(paths)} {f'changed since {first}' if first else 'exist'}")


def _matching(git: Git, first: str, last: str, glob: str) -> list[str]:
    pattern = f":(glob){glob}"
    if first:
        return git.run("diff", "--name-only", f"{first}..{last}", "--", pattern).splitlines()
    return git.run("ls-files", "--", pattern).splitlines()


def served_commit(case: CheckContext, git: Git) -> str:
    """The tag of the version in production. Raises BadEvidence."""
    serving = case.store.serving(case.plan.service, case.plan.environment)
    if serving and (name := git.tag_of(serving[0])) is not None:
        return name
    what = serving[0] if serving else "the version in production"
    raise BadEvidence(f"git has no tag for {what}: tag its commit {what if serving else 'VERSION'}")


def _people(case: CheckContext, item: Requirement, given: EvidenceSection) -> Evidence:
    """Everyone is known, and was trained of late; nobody of the role that owes the item is left out."""
    content, document = replace(case.folder, max_age=float("inf"), since=0.0).read(given.people or "")
    listed = people_in(content, document.path)
    people = People.of(case.loaded)
    wrong = [f"{one.name} is not in `people`" for one in listed if people.by_name and not _known(people, one.name)]
    if item.id not in _WITHOUT_DATES:
        wrong += [flaw for one in listed if (flaw := _flaw(case, one, given.max_age or _TRAINED))]
        there = {people.identify(one.name).name for one in listed}
        wrong += [f"{name} is not listed" for name in people.holders(item.owner) if name not in there]
    if wrong:
        return Evidence("people", False, f"{document.path}: {few(wrong)}", (document,), digest=document.sha256)
    shown = [f"{one.name}{f' ({one.day})' if one.day else ''}" for one in listed]
    return Evidence("people", True, few(shown), (document,), digest=document.sha256)


def _known(people: People, name: str) -> bool:
    return people.identify(name).name in people.by_name


def _flaw(case: CheckContext, one: Trained, longest: float) -> str:
    if one.day is None:
        return f"{one.name} has no date"
    age = (day_of(case.now, case.loaded.configuration.calendar.timezone) - one.day).days
    if age < 0:
        return f"{one.name} has a date in the future: {one.day}"
    if age * 86400 > longest:
        return f"{one.name} was trained more than {format_duration(int(longest))} ago: {one.day}"
    return ""


BEHIND_WORDS: Mapping[str, Callable[[CheckContext, Requirement, EvidenceSection], Evidence]] = {
    "link": _link, "changed": _changed, "people": _people, "ticket": _ticket,
}  # fmt: skip
"""By the key under `readiness.evidence`."""

__all__ = ["BEHIND_WORDS", "DOCUMENT_AGE", "names", "served_commit"]
