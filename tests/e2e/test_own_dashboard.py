"""R35, R32: the dashboard about Pilotage itself, drawn by a real Prometheus that scrapes a real server by the lines of
the documentation, while a release goes out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from pilotage.adapters.http import get_json
from pilotage.render.own_dashboard import own_dashboard
from tests.monitors import Monitors, monitors, wait_for
from tests.web.test_serving import admin, serving

from .conftest import Make, users

pytestmark = [pytest.mark.real, pytest.mark.long]

WATCH = Path(__file__).parents[2] / "docs/operate/watch.md"


def documented(port: int, token: Path) -> Sequence[Mapping[str, Any]]:
    """What docs/operate/watch.md tells Prometheus to scrape, of another port and with another file."""
    (block,) = re.findall(r"```yaml\n# prometheus\.yml …\n(.*?)```", WATCH.read_text(), re.DOTALL)
    text = block.replace("127.0.0.1:8420", f"127.0.0.1:{port}").replace("/etc/prometheus/pilotage.token", str(token))
    found: Sequence[Mapping[str, Any]] = yaml.safe_load(text)["scrape_configs"]
    return found


def missing(watched: Monitors) -> list[str]:
    """Queries of the dashboard that have no number now."""
    panels: Any = own_dashboard()["panels"]
    queries = [(panel["title"], target["expr"]) for panel in panels for target in panel["targets"]]
    return [f"{title}: {query}" for title, query in queries if not _numbers(watched, query)]


def _numbers(watched: Monitors, query: str) -> list[float]:
    got: Any = get_json(f"{watched.prometheus}/api/v1/query?query={quote(query)}")
    return [number for one in got["data"]["result"] if (number := float(one["value"][1])) == number]


def test_r35_each_query_of_the_dashboard_has_data_once_a_release_went_out(
    shop: Make, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made, folder = shop(), tmp_path_factory.mktemp("watched")
    made.run("deploy", made.release("1.0.0"))
    secret = folder / "token"
    secret.write_text(admin(made.directory)[0])
    with serving(made.directory) as server, monitors(folder / "m", documented(server.port, secret)) as watched:
        scraped = "pilotage_build_info and on() pilotage_rollouts_ended_total"
        wait_for(lambda: watched.answers(scraped), lambda: json.dumps(watched.targets(), indent=1))
        with users(made):
            made.run("deploy", made.release("1.1.0"))
        made.run("store", "backup", str(folder / "b.zip"))
        wait_for(lambda: not missing(watched), lambda: "\n".join(missing(watched)))
        (completed,) = _numbers(watched, 'increase(pilotage_rollouts_ended_total{status="completed"}[1d])')
        assert completed > 0, "the one that ended while it was watched"
