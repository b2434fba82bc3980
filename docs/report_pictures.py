"""Makes the pictures of the pages notifications, notes and reports in docs/guides: `python docs/report_pictures.py`.

From the demo's two releases, as their records stand after it, in a real browser; needs Chromium on the PATH. The
status page is of an invented shop.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from pilotage.adapters.notify.mail_page import page as mail_page
from pilotage.model.message import Incident, Message, Severity
from pilotage.model.seen_day import SeenDay
from pilotage.render.status import files_of
from pilotage.report.status import (
    Condition,
    Planned,
    PublicIncident,
    Seen,
    Service,
    StatusPage,
    Update,
    status_of,
)

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
        _run(place, "followup", "add", "a smoke test that a bad build fails", "--owner", "bob", "--due", "2026-01-05",
             "--criterion", "the demo's bad release fails it", "--priority", "high")  # fmt: skip
        for name in ("incident", "report", "retro"):
            _run(place, name, "-o", f"{name}.html")
        (place / "status.html").write_text(files_of(_status(), "https://status.example.org/")["index.html"])
        (place / "mail.html").write_text(mail_page(MESSAGE))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            _shoot(browser, place / "incident.html", "incident.png", (1100, 1300), "light")
            _shoot(browser, place / "report.html", "report.png", (1100, 1500), "light")
            _shoot(browser, place / "retro.html", "retro.png", (1100, 1500), "dark")
            _shoot(browser, place / "status.html", "status-page.png", (1100, 1300), "light")
            _shoot(browser, place / "status.html", "status-page-phone.png", (390, 1100), "dark")
            _shoot(browser, place / "mail.html", "mail.png", (760, 420), "light")
            browser.close()


def _status() -> StatusPage:
    """An invented quarter of three services: one well, one with an incident, one that nobody looks at."""
    now = datetime(2026, 11, 27, 14, 23, tzinfo=UTC)

    def ago(days: float) -> float:
        return (now - timedelta(days=days)).timestamp()

    def days(first: int, **worse: SeenDay) -> dict[date, SeenDay]:
        seen = {now.date() - timedelta(days=back): SeenDay(good=86_400) for back in range(1, first)}
        seen[now.date()] = SeenDay(good=51_700)
        return seen | {now.date() - timedelta(days=int(back[1:])): one for back, one in worse.items()}

    counted = {
        "checkout": days(75, d12=SeenDay(good=86_060, degraded=340), d41=SeenDay(good=85_790, down=610)),
        "search": days(60, d0=SeenDay(good=49_300, degraded=2_400), d20=SeenDay(good=82_800, closed=3_600)),
    }
    planned = Planned(
        "checkout-2.5.0", ago(-3.1), "checkout 2.5.0", "Paying gets a new step. No interruption is expected."
    )
    page = status_of(
        "Example Shop status", ("checkout", "search", "mobile-api"), (), (planned,), now.timestamp(),
        {"checkout": Seen(), "search": Seen()}, counted=counted,
    )  # fmt: skip
    found = Update(
        ago(0.027), "investigating", "A new version of search causes problems for some users. We are investigating."
    )
    undone = Update(
        ago(0.026), "identified", "A new version of search caused problems for some users. We are undoing the change."
    )
    ended = Update(ago(11.996), "resolved", "The change is undone: checkout works as before.")
    return replace(
        page, report="https://feedback.example.org/",
        services=(page.services[0], Service("search", Condition.DEGRADED), page.services[2]),
        incidents=(
            PublicIncident("search-1", "search", ago(0.028), None, "search: some requests failed", (found, undone)),
            PublicIncident("checkout-1", "checkout", ago(12), ended.at, "checkout: some requests failed", (ended,)),
        ),
    )  # fmt: skip


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
