"""R32: a log line is one JSON object, says which rollout and trace it is about, and never holds a secret."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from pilotage.adapters.log_lines import About, JsonLines, TextLines, logged_about, note_trace, without_secrets


def _record(message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("pilotage.worker", logging.WARNING, "worker.py", 1, message, arguments, None)


def test_a_line_says_what_it_is_about() -> None:
    note_trace("shop-1", "4bf92f3577b34da6a3ce929d0e0e4736")
    with logged_about(About(rollout="shop-1", service="shop", environment="production", version="2.0")):
        found = json.loads(JsonLines().format(_record("cannot read %s\nat all", "the store")))
    assert found["message"] == "cannot read the store\nat all"
    assert (found["level"], found["rollout"], found["service"]) == ("warning", "shop-1", "shop")
    assert found["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert found["time"].endswith("+00:00")
    assert "rollout" not in json.loads(JsonLines().format(_record("something else")))


def test_an_error_is_one_line_too() -> None:
    record = _record("failed")
    try:
        raise OSError("postgresql://pilotage:hunter22@db/pilotage is away")
    except OSError:
        record.exc_info = sys.exc_info()
    line = JsonLines().format(record)
    assert "\n" not in line
    assert "hunter22" not in line + TextLines("%(message)s").format(record)
    assert "OSError: postgresql://pilotage:***@db/pilotage is away" in json.loads(line)["error"]


@pytest.mark.parametrize(
    ("said", "secret"),
    [
        ("cannot reach https://ada:correct-horse@hooks.example/x", "correct-horse"),
        ("401 for Authorization: Bearer abc.def-ghi_jkl", "abc.def-ghi_jkl"),
        ("token pilotage_pat_5up3rs3cr3t99 is expired", "5up3rs3cr3t99"),
        ('{"password": "tr0ub4dor"} was refused', "tr0ub4dor"),
        ("GET /hook?api_key=s3cr3tvalue&x=1", "s3cr3tvalue"),
    ],
)
def test_what_looks_like_a_secret_is_left_out(said: str, secret: str) -> None:
    assert secret not in without_secrets(said)
    assert "***" in without_secrets(said)


def test_what_is_none_stays() -> None:
    for said in ("the token of the lease is 14", "2.0: 3 of 4 instances at 10.0.0.1:8080 are healthy", "a@b.example"):
        assert without_secrets(said) == said
