"""R34: what stands around every page, and the files that pages load."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pilotage.model.calendar import Freeze
from tests.web.site import Served, served
from tests.web.world import config


def linked(text: str) -> list[str]:
    return re.findall(r'(?:href|src)="(/static/[^"]+)"', text)


def test_r34_a_page_loads_files_that_browsers_may_keep_for_good(server: Served) -> None:
    found = linked(server.anybody().get("/login").text)
    assert {name.rpartition("/")[2] for name in found} == {
        "favicon.svg",
        "tokens.css",
        "base.css",
        "server.css",
        "pilotage.js",
        "passkey.js",
    }
    for name in found:
        got = server.anybody().get(name)
        assert got.status == 200, name
        assert "immutable" in got.headers["cache-control"]
    packed = server.anybody().get(found[0], **{"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    old = server.anybody().get("/static/0000000000000000/base.css")
    assert (old.status, old.headers["cache-control"]) == (200, "no-cache")


def test_r34_static_files_are_no_way_into_the_folder(server: Served) -> None:
    for name in ("nothing.css", "..%2f..%2fserver.py", "%2e%2e/%2e%2e/server.py", "..%5cserver.py", "__init__.py"):
        assert server.anybody().get(f"/static/x/{name}").status == 404


def test_r34_navigation_leads_only_where_the_role_may_go(server: Served) -> None:
    server.person("ada", "viewer@shop")
    page = server.signed_in("ada").get("/").text
    assert 'aria-current="page">Now' in page
    paths = set(re.findall(r'<a href="([^"]+)" data-key', page))
    assert {server.signed_in("ada").get(path).status for path in paths} == {200}


def test_r34_the_header_says_what_rolls_and_what_is_frozen_where_one_may_look(server: Served) -> None:
    server.rollout("shop"), server.rollout("search")
    now = datetime.fromtimestamp(time.time(), UTC)
    for service in ("shop", "search"):
        freeze = Freeze(f"peak of {service}", now, now + timedelta(hours=2))
        server.store.freezes.declare(service, "production", freeze, "bob", "sale")
    server.person("ada", "viewer@shop")
    page = server.signed_in("ada").get("/").text
    assert "1 rolling out" in page
    assert "Frozen: shop in production" in page
    assert "search" not in page


def test_r34_an_error_page_keeps_the_frame_of_whoever_reads_it(server: Served) -> None:
    server.person("ada", "viewer")
    got = server.signed_in("ada").submit("/logout", csrf="old")
    assert got.status == 403
    assert "ada · viewer" in got.text


def test_r34_a_freeze_of_the_calendar_holds_everywhere(tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    first, last = today - timedelta(days=2), today + timedelta(days=2)
    freeze = f"{{name: year end, first_day: '{first}', last_day: '{last}'}}"
    text = re.sub(r"\{name: stocktaking.*\}", freeze, config())
    with served(tmp_path, text) as server:
        server.person("ada", "viewer@checkout")
        page = server.signed_in("ada").get("/").text
    assert "Frozen: every service" in page
    assert "year end" in page
