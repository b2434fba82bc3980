"""The Queries port: every sentence of its contract that holds for all systems, on figures that the test put there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from pilotage.adapters.ports import AdapterError
from pilotage.testing.harness import QueriesUnderTest


class QueriesContract:
    """Give it a fixture `asked` with a `QueriesUnderTest`."""

    def test_a_query_gives_the_values_of_its_series(self, asked: QueriesUnderTest) -> None:
        queries = asked.open()
        assert queries.query(asked.one) == (0.97,)
        assert sorted(queries.query(asked.several)) == [0.97, 0.99]

    def test_without_a_figure_there_is_no_value_and_never_a_zero(self, asked: QueriesUnderTest) -> None:
        assert asked.open().query(asked.nothing) == ()

    def test_asking_again_gives_the_same(self, asked: QueriesUnderTest) -> None:
        queries = asked.open()
        assert [queries.query(asked.one), asked.open().query(asked.one), queries.query(asked.one)] == [(0.97,)] * 3

    def test_many_queries_at_once_each_get_their_own_answer(self, asked: QueriesUnderTest) -> None:
        queries = asked.open()
        with ThreadPoolExecutor(8) as crew:
            found = list(crew.map(queries.query, [asked.one, asked.nothing] * 8))
        assert found == [(0.97,), ()] * 8

    def test_a_refused_query_is_an_error_and_no_value(self, asked: QueriesUnderTest) -> None:
        with pytest.raises(AdapterError) as caught:
            asked.open().query(asked.refused)
        self._keeps_the_secret(asked, caught.value)

    def test_a_figure_that_is_too_old_is_no_figure(self, asked: QueriesUnderTest) -> None:
        if not asked.old:
            pytest.skip("this system keeps no old figure apart, or says no time")
        with pytest.raises(AdapterError, match="old"):
            asked.open().query(asked.old)

    def test_a_system_that_is_silent_is_an_error_within_the_deadline(self, asked: QueriesUnderTest) -> None:
        if asked.silence is None:
            pytest.skip("this system cannot be silenced")
        queries = asked.open()
        asked.silence()
        with pytest.raises(AdapterError) as caught:
            queries.query(asked.one)
        self._keeps_the_secret(asked, caught.value)

    def _keeps_the_secret(self, asked: QueriesUnderTest, error: AdapterError) -> None:
        assert not asked.secret or asked.secret not in f"{error} {error!r} {asked.open()!r}"
