"""What is wrong with a page as a browser shows it: axe's serious findings, a page wider than its window, complaints of
the browser."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext

from tests.web.tour import press

_EXPECTED = ("404", "409", "410", "400", "412", "api/v1/events")
"""A page that says no is in the console, as it should be; a policy that stops a style would be, too."""


def looked_at(context: BrowserContext, address: str, button: str = "") -> list[str]:
    """button: pressed before."""
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(address)
    if button:
        press(page, button)
    # Parts that are folded have to be as good.
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    found = [
        f"{one['id']}: {one['nodes'][0]['html'][:120]}"
        for one in Axe().run(page).response["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    page.close()
    found += [f"{over} pixels too wide"] * (over > 0)
    return [*found, *(one for one in complaints if not any(word in one for word in _EXPECTED))]
