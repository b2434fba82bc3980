"""Makes the pictures of the pages notifications, notes and reports in docs/guides: `python docs/report_pictures.py`.

From the demo's two releases, as their records stand after it, in a real browser; needs Chromium on the PATH.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from pilotage.adapters.notify.mail_page import page as mail_page
from pilotage.model.message import Incident, Message, Severity

PICTURES = Path(__file__).parent / "pictures"
MESSAGE = Message(
    "shop-production-1a2b3c4d/7", "shop-production-1a2b3c4d", "rollback-started", Severity.CRITICAL,
    "shop 2.4.0 → production: rollback started",
    "rolling back: error rate: canary 4.8 % (12 of 250), stable 0.1 % (5 of 4,750): at least 9 times worse, sure at "
    "99.98 %",
    1_800_000_000.0, "shop", "production", "2.4.0",
    (("service", "shop"), ("environment", "production"), ("version", "2.4.0"), ("before", "2.3.0"), ("users", "5 %"),
     ("asked by", "ada"), ("plan", "593683fcac77")),
    Incident.TRIGGER,
)  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory) / "demo"
        _run(place.parent, "demo", "--dir", str(place))
        configuration = place / "pilotage.yaml"
        configuration.write_text(
            configuration.read_text()
            + 'status_page: {folder: public, title: "Shop status", environment: demo, url: "http://localhost/"}\n'
        )
        _run(place, "followup", "add", "a smoke test that a bad build fails", "--owner", "bob", "--due", "2026-01-05",
             "--criterion", "the demo's bad release fails it", "--priority", "high")  # fmt: skip
        for name in ("incident", "report", "retro"):
            _run(place, name, "-o", f"{name}.html")
        _run(place, "serve-status", "--once")
        (place / "mail.html").write_text(mail_page(MESSAGE))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            _shoot(browser, place / "incident.html", "incident.png", (1100, 1300), "light")
            _shoot(browser, place / "report.html", "report.png", (1100, 1500), "light")
            _shoot(browser, place / "retro.html", "retro.png", (1100, 1500), "dark")
            _shoot(browser, place / "public" / "index.html", "status-page.png", (900, 620), "light")
            _shoot(browser, place / "public" / "index.html", "status-page-phone.png", (390, 700), "dark")
            _shoot(browser, place / "mail.html", "mail.png", (760, 420), "light")
            browser.close()


def _run(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "pilotage.cli.main", *arguments]
    environment = {**os.environ, "PILOTAGE_ACTOR": "ada", "TZ": "UTC"}
    subprocess.run(command, cwd=folder, check=True, env=environment, stdout=subprocess.DEVNULL)


def _shoot(browser: Browser, page: Path, name: str, size: tuple[int, int], scheme: str) -> None:
    shown = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)  # type: ignore[arg-type]
    shown.goto(page.as_uri())
    time.sleep(0.2)
    shown.screenshot(path=PICTURES / name)
    shown.close()


if __name__ == "__main__":
    main()
