"""R32: Pilotage's own metrics are on the worker's page too, and time that waits for a person is counted apart."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast

from sqlalchemy import Row

from pilotage.app.monitoring import Monitoring
from pilotage.engine.records.own_figures import _paused
from pilotage.engine.records.store import Store
from pilotage.model.series import Buckets, histogram
from pilotage.render.exposition import exposition


def test_the_workers_page_has_them(tmp_path: Path) -> None:
    store = Store(tmp_path)
    page = Monitoring(tmp_path)._page(store, "127.0.0.1:9464")
    assert 'pilotage_build_info{version="' in page
    assert "pilotage_worker_up 0" in page
    store.close()


def test_a_pause_lasts_until_somebody_decides_or_the_rollout_ends() -> None:
    turns = [("paused", 10.0), ("paused", 12.0), ("resumed", 14.0), ("promoted", 15.0), ("paused", 20.0)]
    assert _paused(cast("Iterable[Row[str, float]]", turns), 30.0) == 4.0 + 10.0


def test_a_histogram_adds_up() -> None:
    found = histogram(
        "x_seconds", "Time.", {(("route", 'a"b'),): Buckets(bounds=(0.5, 1), counts=(2, 0, 1), total=3.25)}
    )
    assert exposition([found]).splitlines() == [
        "# HELP x_seconds Time.",
        "# TYPE x_seconds histogram",
        'x_seconds_bucket{route="a\\"b",le="0.5"} 2',
        'x_seconds_bucket{route="a\\"b",le="1"} 2',
        'x_seconds_bucket{route="a\\"b",le="+Inf"} 3',
        'x_seconds_sum{route="a\\"b"} 3.25',
        'x_seconds_count{route="a\\"b"} 3',
    ]
