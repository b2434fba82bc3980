"""The Metrics port: every sentence of its contract that holds for all sources, on counts that the test made."""

from __future__ import annotations

import json

import pytest

from pilotage.adapters.ports import AdapterError
from pilotage.testing.harness import CountsUnderTest

BOTH = ("2.0", "1.0")


class MetricsContract:
    """Give it a fixture `counts` with a `CountsUnderTest` that knows the versions 1.0 and 2.0."""

    def test_without_a_cursor_nothing_has_happened_yet(self, counts: CountsUnderTest) -> None:
        counts.happen("1.0", 3, 1)
        reading = counts.open().observe(BOTH, None)
        assert [(o.requests, o.errors, o.durations.total) for o in reading.observations] == [(0, 0, 0), (0, 0, 0)]

    def test_counts_are_those_that_users_made(self, counts: CountsUnderTest) -> None:
        metrics = counts.open()
        cursor = metrics.observe(BOTH, None).cursor
        counts.happen("1.0", 20, 5)
        counts.happen("2.0", 7, 0)
        reading = counts.open().observe(BOTH, json.loads(json.dumps(cursor)))
        assert {o.version: (o.requests, o.errors) for o in reading.observations} == {"1.0": (25, 5), "2.0": (7, 0)}
        assert abs(reading.at - counts.now()) < 5 + counts.can.period + counts.can.late

    def test_nothing_is_counted_twice_and_nothing_left_out(self, counts: CountsUnderTest) -> None:
        metrics, total = counts.open(), 0
        cursor = metrics.observe(BOTH, None).cursor
        for n in range(4):
            counts.happen("1.0", n, 1)
            reading = metrics.observe(BOTH, cursor)
            cursor, total = reading.cursor, total + reading.of("1.0").requests
        assert total == 10
        assert metrics.observe(BOTH, cursor).of("1.0").requests == 0

    def test_a_version_never_asked_has_zero_counts(self, counts: CountsUnderTest) -> None:
        metrics = counts.open()
        reading = metrics.observe(("9.9",), metrics.observe(("9.9",), None).cursor)
        assert [(o.version, o.requests, o.errors) for o in reading.observations] == [("9.9", 0, 0)]

    def test_a_restarted_source_never_counts_negatively(self, counts: CountsUnderTest) -> None:
        if counts.restart is None:
            pytest.skip("this source never forgets")
        metrics = counts.open()
        counts.happen("1.0", 30, 3)
        cursor = metrics.observe(BOTH, metrics.observe(BOTH, None).cursor).cursor
        counts.restart()
        counts.happen("1.0", 4, 1)
        reading = metrics.observe(BOTH, cursor)
        assert (reading.of("1.0").requests, reading.of("1.0").errors) == (5, 1)
        assert "restarted" in reading.note

    def test_a_source_that_does_not_answer_is_an_error_not_zero(self, counts: CountsUnderTest) -> None:
        if counts.silence is None:
            pytest.skip("this source cannot be silenced")
        metrics = counts.open()
        cursor = metrics.observe(BOTH, None).cursor
        counts.silence()
        with pytest.raises(AdapterError):
            metrics.observe(BOTH, cursor)
