"""R34, C9: the audit log on PostgreSQL: writers in two stores at once leave no gap and lose no row."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilotage.engine.records import audit
from pilotage.engine.records.store import Store
from tests.databases import postgres
from tests.unit.engine.test_audit import write_together

pytestmark = pytest.mark.xdist_group("postgresql")


def test_r34_two_writers_on_postgresql_leave_no_gap_and_lose_no_row(tmp_path: Path) -> None:
    with postgres(tmp_path / "pg") as server:
        stores = [Store(tmp_path / name, server.url()) for name in ("one", "two")]
        try:
            write_together(stores, 20)
            rows = list(audit.all_rows(stores[0].engine))
            assert [row.number for row in rows] == list(range(1, 41))
            assert len({row.object for row in rows}) == 40
            assert not audit.check(stores[0].engine).faults
        finally:
            for store in stores:
                store.close()
