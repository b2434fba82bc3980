"""Trouble that lasts is looked at ten times a second: the log of the worker does not fill the disk with it."""

from __future__ import annotations

import logging

import pytest

from pilotage.engine.execution.worker_log import NotAgain


def test_the_same_sentence_is_written_once_and_counted() -> None:
    log, written = logging.Logger("worker"), []
    handler = logging.Handler()
    handler.emit = lambda record: written.append(record.getMessage())  # type: ignore[method-assign]
    handler.addFilter(NotAgain())
    log.addHandler(handler)
    for turn in range(500):
        log.warning("%s cannot be read", "2.0")
        log.warning("another thing, the %s. time", turn // 250)
    assert written == ["2.0 cannot be read", "another thing, the 0. time", "another thing, the 1. time"]


def test_it_is_written_again_after_a_while_with_how_often_it_was_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet, now = NotAgain(again_after=60.0), [100.0]
    monkeypatch.setattr("pilotage.engine.execution.worker_log.time.monotonic", lambda: now[0])
    record = logging.LogRecord("worker", logging.WARNING, "", 0, "the store is away", (), None)
    assert [quiet.filter(record) for _ in range(4)] == [True, False, False, False]
    now[0] += 61.0
    assert quiet.filter(record)
    assert record.getMessage() == "the store is away (repeated 3 times)"
