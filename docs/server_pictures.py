"""Pictures of the server's pages, with invented releases: `python docs/server_pictures.py [FOLDER [PATH …]]`.

Every page of the server is taken at 1280 and 390 pixels, in light and dark, into FOLDER: with releases in every state,
and of a server that has none yet. Without FOLDER, the pictures of the documentation are made anew. Needs
Chromium on the PATH.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.clock import FakeClock
from tests.web import tour
from tests.web.world import addresses, config, fill

from pilotage.app.identity import sessions
from pilotage.app.project import Project
from pilotage.model.access import Grant, HolderKind, Proof
from pilotage.web.credentials import cookie_name
from pilotage.web.server import application
from pilotage.web.site import Site

PICTURES = Path(__file__).parent / "pictures"
DOCUMENTED = {"now": "server-home", "watching": "server-rollout", "made-plan": "server-plan",
              "services": "server-services", "calendar": "server-calendar", "way": "server-way"}  # fmt: skip


def main() -> None:
    folder, wanted = (Path(sys.argv[1]), sys.argv[2:]) if len(sys.argv) > 1 else (None, [])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        if folder is None:
            _documentation(browser)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            for visits in (tour.rich, tour.empty):
                _everything(browser, visits, folder, wanted)
        browser.close()


def _documentation(browser: Browser) -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place, served(Path(place)) as (site, url):
        paths = addresses(site, fill(site.project))
        for name, picture in DOCUMENTED.items():
            page = _opened(browser, site, url, tour.Visit(name=name, path=paths[name]))
            for width, end in ((1280, ""), (390, "-phone")):
                _shoot(page, PICTURES / f"{picture}{end}.png", width, "light")
            page.context.close()


def _everything(
    browser: Browser, visits: Callable[[Site], Sequence[tour.Visit]], folder: Path, wanted: Sequence[str]
) -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place, served(Path(place)) as (site, url):
        made = visits(site)
        if site.store.persons.called(tour.ADMIN) is None:
            site.store.persons.add(tour.ADMIN, time.time())
            site.store.persons.grant(HolderKind.PERSON, tour.ADMIN, Grant(role="admin"), "pictures", time.time())
        for visit in (*made, *(tour.PRESSED if visits is tour.rich else ())):
            if wanted and visit.name not in wanted:
                continue
            page = _opened(browser, site, url, visit)
            for width, scheme in ((1280, "light"), (390, "light"), (390, "dark"), (1280, "dark")):
                _shoot(page, folder / f"{visit.name}-{width}-{scheme}.png", width, scheme)
            page.context.close()


@contextmanager
def served(folder: Path) -> Iterator[tuple[Site, str]]:
    """A server over a store of its own, without a worker."""
    (folder / "pilotage.yaml").write_text(config())
    # Time stands still, so that no page calls what it shows old.
    site = Site(project=Project(folder / "pilotage.yaml", clock=FakeClock(time.time())))
    server = uvicorn.Server(
        uvicorn.Config(application(site), host="127.0.0.1", port=0, log_level="warning", lifespan="off")
    )  # fmt: skip
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield site, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        site.store.close()


def cookie_of(site: Site, name: str, url: str) -> Any:
    """Of a session of this person, for a browser."""
    person = site.store.persons.called(name)
    assert person is not None
    secret = sessions.begin(site.store, person, Proof.PASSWORD, "127.0.0.1", "pictures")
    return {"name": cookie_name(site), "value": secret, "url": url}


def _opened(browser: Browser, site: Site, url: str, visit: tour.Visit) -> Page:
    context = browser.new_context(device_scale_factor=1)
    if visit.who:
        context.add_cookies([cookie_of(site, visit.who, url)])
    page = context.new_page()
    page.goto(url + visit.path)
    if visit.press:
        tour.press(page, visit.press)
    return page


def _shoot(page: Page, into: Path, width: int, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 844})
    # As tall as the page, so that what sticks to the foot of the screen is at the foot of the picture.
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": width, "height": max(844, height)})
    page.screenshot(path=into)


if __name__ == "__main__":
    main()
