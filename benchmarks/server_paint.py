"""When a browser first paints each page of a server, and what the page weighs with its styles and scripts.

`python benchmarks/server.py --paint` measures it in the system's Chromium, each time with an empty cache.
"""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from playwright.sync_api import Browser, CDPSession, sync_playwright

from pilotage.web.route import Kind
from pilotage.web.table import ROUTES

_PAINTED = """new Promise(done => {
  const painted = () => performance.getEntriesByType("paint").find(one => one.name === "first-contentful-paint");
  if (painted()) done(painted().startTime);
  new PerformanceObserver(() => painted() && done(painted().startTime)).observe({type: "paint", buffered: true});
})"""
_LEADS_AWAY = ("/login/", "/connect/", "/link/")


@dataclass(frozen=True, kw_only=True)
class Painted:
    """seconds: from the request to the first paint with content, of each load · sent: bytes of the page and of what it
    loads."""

    path: str
    seconds: tuple[float, ...]
    sent: int


def pages(named: Mapping[str, str]) -> Iterator[str]:
    """Paths of all pages about things that are there. named: values of parameters."""
    for route in ROUTES:
        if route.kind is Kind.PAGE and route.method == "GET" and not any(one in route.path for one in _LEADS_AWAY):
            path = route.path
            for name, value in named.items():
                path = path.replace(f"{{{name}}}", value)
            if "{" not in path and "." not in path.rsplit("/", 1)[-1]:
                yield path


def painted(base: str, cookie: tuple[str, str], paths: Sequence[str], times: int) -> Iterator[Painted]:
    """Load each page so often. cookie: name and value, of somebody who is signed in."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        try:
            _load(browser, base, cookie, "/")  # the first of all finds a browser that is not warm
            for path in paths:
                loads = [one for _ in range(times) if (one := _load(browser, base, cookie, path))]
                if loads:
                    yield Painted(path=path, seconds=tuple(at for at, _ in loads), sent=loads[0][1])
        finally:
            browser.close()


def _load(browser: Browser, base: str, cookie: tuple[str, str], path: str) -> tuple[float, int] | None:
    """Seconds to the first paint, and bytes; None for what is no page or is not there."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        context.add_cookies([{"name": cookie[0], "value": cookie[1], "url": base}])
        page = context.new_page()
        sent = _counted(context.new_cdp_session(page))
        got = page.goto(base + path, wait_until="load")
        if got is None or got.status != 200 or not got.headers.get("content-type", "").startswith("text/html"):
            return None
        return page.evaluate(_PAINTED) / 1000, sum(sent)
    finally:
        context.close()


def _counted(session: CDPSession) -> list[int]:
    """Bytes of each answer that has arrived."""
    sent: list[int] = []
    session.on("Network.loadingFinished", lambda one: sent.append(int(one["encodedDataLength"])))
    session.send("Network.enable")
    return sent


def table(found: Sequence[Painted]) -> str:
    """Slowest first."""
    rows = sorted(found, key=lambda one: -statistics.median(one.seconds))
    lines = [
        f"| `{one.path}` | {statistics.median(one.seconds) * 1000:.0f} | {max(one.seconds) * 1000:.0f} "
        f"| {one.sent / 1000:.1f} |"
        for one in rows
    ]
    return "\n".join(("| page | median, ms | longest, ms | sent, kB |\n|---|---|---|---|", *lines))
