"""Pictures of the server's pages, with invented releases: `python docs/server_pictures.py [FOLDER [PATH …]]`.

Every page that needs no more than a path is taken at 1280 and 390 pixels, in light and dark, into FOLDER. Without one,
the pictures of the documentation are made anew. Needs Chromium on the PATH.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.clock import FakeClock
from tests.web.world import addresses, config, fill

from pilotage.app.identity import sessions
from pilotage.app.project import Project
from pilotage.model.access import Proof
from pilotage.web.credentials import cookie_name
from pilotage.web.server import application
from pilotage.web.site import Site

PICTURES = Path(__file__).parent / "pictures"
DOCUMENTED = {"now": "server-home", "watching": "server-rollout", "made-plan": "server-plan",
              "services": "server-services", "calendar": "server-calendar", "way": "server-way"}  # fmt: skip


def main() -> None:
    folder, wanted = (Path(sys.argv[1]), sys.argv[2:]) if len(sys.argv) > 1 else (None, [])
    with tempfile.TemporaryDirectory() as place, served(Path(place)) as (site, url), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        paths = addresses(site, fill(site.project))
        if folder is None:
            for name, picture in DOCUMENTED.items():
                _shoot(browser, site, url + paths[name], PICTURES / f"{picture}.png", 1280, "light")
                _shoot(browser, site, url + paths[name], PICTURES / f"{picture}-phone.png", 390, "light")
        else:
            folder.mkdir(parents=True, exist_ok=True)
            for name, path in paths.items():
                if not wanted or name in wanted:
                    for width, scheme in ((1280, "light"), (390, "light"), (1280, "dark"), (390, "dark")):
                        _shoot(browser, site, url + path, folder / f"{name}-{width}-{scheme}.png", width, scheme)
        browser.close()


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


def _shoot(browser: Browser, site: Site, address: str, into: Path, width: int, scheme: Any) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme, device_scale_factor=1)
    context.add_cookies([cookie_of(site, "bob", address)])
    page = context.new_page()
    page.goto(address)
    page.screenshot(path=into, full_page=True)
    context.close()


if __name__ == "__main__":
    main()
