"""What failed, for people who ask why: routes and statuses of the new version's errors, most frequent first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pilotage.model.json import JsonObject, entries, whole_at
from pilotage.model.observation import Failure
from pilotage.model.wording import counted

_MOST = 500
"""Combinations of request and status that are listed separately; the errors of others are summed up."""
_SHOWN = 3
_OTHER = "other requests"


class Reasons:
    """Streaming and bounded."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._instances: Counter[str] = Counter()

    def add(self, failures: Iterable[Failure]) -> None:
        for failure in failures:
            name = f"{failure.method} {failure.path or failure.route}: {failure.status}".strip()
            known = name in self._counts or len(self._counts) < _MOST
            self._counts[name if known else _OTHER] += 1
            if failure.instance in self._instances or len(self._instances) < _MOST:
                self._instances[failure.instance] += 1

    @property
    def lines(self) -> tuple[str, ...]:
        """The most frequent failures, such as `GET /cart: 500 (18 times)`, and where they came from."""
        most = [f"{name} ({_times(count)})" for name, count in self._counts.most_common(_SHOWN)]
        left = len(self._counts) - _SHOWN
        if left > 0:
            most.append(f"and {counted(left, 'other kind')} of failed request")
        return tuple(most)

    @property
    def worst_instance(self) -> str:
        """`host:port` of the instance with the most errors; empty without one."""
        found = [instance for instance, _ in self._instances.most_common(2) if instance]
        return found[0] if found else ""

    def to_dict(self) -> JsonObject:
        return {"counts": dict(self._counts), "instances": dict(self._instances)}

    def restore(self, saved: JsonObject) -> None:
        self._counts = Counter(entries(whole_at, saved, "counts"))
        self._instances = Counter(entries(whole_at, saved, "instances"))


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
