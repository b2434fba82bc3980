"""Queries in NRQL to New Relic's NerdGraph (https://docs.newrelic.com/docs/apis/nerdgraph/examples/nerdgraph-nrql-tutorial/)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.queries.asking import MOST_VALUES, Asking, check_age
from pilotage.model.finding import Finding
from pilotage.model.json import Json, JsonObject, find, list_at, number_at, object_at
from pilotage.model.text import line

REFUSED = "the user key needs access to this account, and must be of this region"
ASK = """query ($account: Int!, $nrql: Nrql!) {
  actor { account(id: $account) { nrql(query: $nrql, timeout: 4) { results metadata { timeWindow { begin end } } } } }
}"""
EXAMINE = "query ($account: Int!) { actor { user { id } account(id: $account) { id name } } }"
_BEGINS, _ENDS = "beginTimeSeconds", "endTimeSeconds"
_NOT_VALUES = frozenset({_BEGINS, _ENDS, "facet", "inspectedCount", "comparison", "timestamp"})


class NewRelicQueries:
    """The Queries port. url: of NerdGraph · account: its number · max_age: seconds."""

    def __init__(self, asking: Asking, url: str, account: int, *, max_age: float) -> None:
        self._asking, self._url, self._account, self._max_age = asking, url, account, max_age

    def query(self, text: str) -> tuple[float, ...]:
        """The value of each row: of one without a facet the only one, of a time series that of the last complete
        bucket. Raises AdapterError, also where the newest is too old."""
        now = time.time()
        answer = self._ask(ASK, {"account": self._account, "nrql": text})
        try:
            found = object_at(answer, "actor", "account", "nrql")
            rows = [object_at(row) for row in list_at(found, "results")]
            ends = [end for row in rows if isinstance(end := row.get(_ENDS), int | float)]
            if not rows:
                return ()
            if ends:
                rows, at = _complete(rows, now)
            else:
                at = number_at(found, "metadata", "timeWindow", "end") / 1000
            if rows:
                check_age("New Relic", at, self._max_age, now)
            return tuple(value for row in rows[:MOST_VALUES] if (value := _value_of(row)) is not None)
        except (ValueError, OverflowError) as error:
            raise AdapterError(f"New Relic did not return figures: {error}") from None

    def _ask(self, query: str, variables: JsonObject) -> JsonObject:
        """What is under `data`. Raises AdapterError."""
        sent: JsonObject = {"query": query, "variables": variables}
        answer = self._asking.json("POST", self._url, json.dumps(sent).encode())
        errors = find(answer, "errors")
        if isinstance(errors, list) and errors:
            raise AdapterError(f"New Relic rejected the query: {line(str(find(errors[0], 'message')), 200)}")
        try:
            return object_at(answer, "data")
        except ValueError:
            raise AdapterError("New Relic did not return data") from None

    def examine(self) -> Iterator[Finding]:
        """What `doctor` says."""
        try:
            found = self._ask(EXAMINE, {"account": self._account})
            if (name := find(found, "actor", "account", "name")) is None:
                raise AdapterError(f"the user key cannot read the account {self._account}")
        except AdapterError as error:
            yield Finding("FAIL", "queries", f"{error}: correct the key, the account or the region")
        else:
            yield Finding("PASS", "queries", f"New Relic answers for the account {line(str(name), 80)}")


def _complete(rows: list[JsonObject], now: float) -> tuple[list[JsonObject], float]:
    """The rows of the newest bucket that is over, and when it ended; several where there are facets."""
    over = [(end, row) for row in rows if isinstance(end := row.get(_ENDS), int | float) and end <= now]
    newest = max((end for end, _ in over), default=0.0)
    return [row for end, row in over if end == newest], newest


def _value_of(row: JsonObject) -> float | None:
    """The only number of a row; None where it has none, as an average of nothing has. Raises ValueError for several:
    nothing says which is meant."""
    found = [number for name, value in row.items() if name not in _NOT_VALUES for number in _numbers(value)]
    if len(found) > 1:
        # A row repeats what it is grouped by, which may be a number such as a status.
        facets = find(row, "facet")
        names = {str(one) for one in facets} if isinstance(facets, list) else {str(facets)}
        found = [number for number in found if f"{number:g}" not in names]
    if len(found) > 1:
        raise ValueError(f"a row has {len(found)} numbers; ask for one, such as SELECT average(duration)")
    return found[0] if found else None


def _numbers(value: Json) -> Iterator[float]:
    """A number, or those of an object such as `{"95": 0.2}` of a percentile."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from _numbers(inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)
