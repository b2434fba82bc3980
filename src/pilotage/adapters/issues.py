"""Issues of a tracker: when each was opened, and its labels. Read only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from pilotage.adapters.code_host import CodeRepository
from pilotage.adapters.ports import AdapterError
from pilotage.model.json import Json, WrongJson, find, list_at, text_at


@dataclass(frozen=True, kw_only=True)
class Issue:
    """at: opened, Unix seconds."""

    at: float
    labels: frozenset[str]


def issues_since(place: CodeRepository, label: str, since: float) -> tuple[Issue, ...]:
    """Those with a label that were opened since a time, open and closed. since: Unix seconds. Raises AdapterError."""
    try:
        # Trackers ignore labels that they do not know, and compare `since` with the last change.
        return tuple(one for one in _asked(place, label, since) if label in one.labels and one.at >= since)
    except WrongJson as error:
        raise AdapterError(f"{place.address('/issues')} did not return issues: {error}") from None


def _asked(place: CodeRepository, label: str, since: float) -> Iterator[Issue]:
    moment = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    match place.kind:
        case "github":
            found = place.pages("/issues", state="all", labels=label, since=moment)
        case "gitlab":
            found = place.pages("/issues", scope="all", labels=label, created_after=moment)
        case "gitea":
            found = place.pages("/issues", state="all", type="issues", labels=label, since=moment)
    for one in found:
        # GitHub lists pull requests as issues.
        if find(one, "pull_request") is None:
            yield Issue(at=_opened(one), labels=frozenset(_label(name) for name in list_at(one, "labels")))


def _label(one: Json) -> str:
    return one if isinstance(one, str) else text_at(one, "name")


def _opened(one: Json) -> float:
    try:
        return datetime.fromisoformat(text_at(one, "created_at")).timestamp()
    except (ValueError, OverflowError) as error:
        raise AdapterError(f"an issue has no time: {error}") from None
