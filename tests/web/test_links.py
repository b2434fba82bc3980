"""R34: every link and form of every page leads somewhere, and no page offers what its reader may not use."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.web.site import Served, served
from tests.web.world import addresses, config, fill


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, dict[str, str]]]:
    with served(tmp_path_factory.mktemp("links"), config()) as server:
        yield server, dict(addresses(server.site, fill(server.site.project)))


@pytest.mark.parametrize("who", ["bob", *(pytest.param(name, marks=pytest.mark.long) for name in ("eve", "root"))])
def test_r34_no_page_links_to_what_is_missing_or_forbidden(shown: tuple[Served, dict[str, str]], who: str) -> None:
    server, paths = shown
    client, wrong, known = server.signed_in(who), [], dict[str, int]()
    for page in paths.values():
        got = client.get(page)
        assert got.status < 500, page
        if got.status != 200 or not got.headers["content-type"].startswith("text/html"):
            continue
        for found in re.findall(r'<a [^>]*href="([^"#]+)', got.text):
            address = urlsplit(html.unescape(found))
            if address.scheme or not address.path.startswith("/"):
                continue
            path = f"{address.path}?{address.query}" if address.query else address.path
            if path not in known:
                known[path] = client.get(path).status
            if known[path] >= 400:
                wrong.append(f"{page}: {path}: {known[path]}")
    assert wrong == []
    assert len(known) > 20
