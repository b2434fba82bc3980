"""The first engines of a process may be wanted by many threads at once: queries of a metric, pages of a server."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy

from pilotage.adapters.sql_engine import sql_engine


def test_r18_no_two_threads_import_a_dialect_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    make, alone, met = sqlalchemy.create_engine, threading.Lock(), []

    def looked_at(url: str) -> sqlalchemy.Engine:
        if not alone.acquire(blocking=False):
            met.append(url)
            return make(url)
        try:
            return make(url)
        finally:
            alone.release()

    monkeypatch.setattr(sqlalchemy, "create_engine", looked_at)
    with ThreadPoolExecutor(8) as crew:
        engines = list(crew.map(sql_engine, ["sqlite://"] * 64))
    assert (len(engines), met) == (64, [])
