"""The plan's page in a real browser: wide and narrow, light and dark, printed, and before axe-core."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from pilotage import Answers, Calendar, Plan, Service, make_plan
from pilotage.render.html import to_html

from ..programs import needs

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("browser")]


def plan(**changes: Any) -> Plan:
    usual: dict[str, Any] = {
        "release_type": "major",
        "deployment_strategy": "canary",
        "team_size": "distributed",
        "release_frequency": "monthly",
        "risk_tolerance": "low",
        "stakeholder_complexity": ["enterprise", "customer-facing"],
    }
    calendar = Calendar("Europe/Berlin", ("Europe/Berlin", "America/New_York"))
    return make_plan(
        Answers(**{**usual, **changes}), version="2.4.0", release_date=date(2027, 6, 18), calendar=calendar,
        service=Service("shop", instances=4),
    )  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = needs("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


PLANS: dict[str, dict[str, Any]] = {
    "scheduled": {},
    "continuous": {"release_frequency": "continuous", "deployment_strategy": "feature-toggle"},
    "stopped": {"stakeholder_complexity": ["internal-only", "enterprise"]},
}


WIDE, PHONE = ({"width": width, "height": 900} for width in (1280, 390))


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=True)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize(
    ("name", "scheme", "size"),
    [
        pytest.param(name, scheme, size, marks=() if (at % 2 == 0) == (scheme == "light") else pytest.mark.long)
        for at, name in enumerate(PLANS)
        for scheme, size in (("light", WIDE), ("dark", PHONE))
    ],
)
def test_r3_axe_finds_nothing_serious_and_nothing_runs_over(
    page: Page, tmp_path: Path, name: str, scheme: Any, size: Any
) -> None:
    """Axe takes seconds, so that it looks twice: a scheme changes colours alone, and a width the layout alone."""
    (tmp_path / "plan.html").write_text(to_html(plan(**PLANS[name])))
    loaded: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    page.goto((tmp_path / "plan.html").as_uri())
    assert len(loaded) == 1
    assert complaints == []
    result = Axe().run(page).response
    found = [f"{v['id']}: {v['nodes'][0]['html'][:80]}" for v in result["violations"]]
    assert found == []
    assert len(result["passes"]) > 15
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert over <= 0


def test_r3_the_page_prints(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "plan.html").write_text(to_html(plan()))
    page = browser.new_page()
    page.goto((tmp_path / "plan.html").as_uri())
    page.emulate_media(media="print")
    assert sum(chart.is_visible() for chart in page.locator("svg").all()) == 2
    assert page.get_by_text("send 25 % of requests to the canary", exact=True).is_visible()
    assert page.pdf().startswith(b"%PDF")


def test_r3_a_phone_names_each_cell(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "plan.html").write_text(to_html(plan()))
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto((tmp_path / "plan.html").as_uri())
    page.get_by_role("heading", name="Readiness", exact=True).click()
    label = page.locator("#readiness td").first.evaluate("cell => getComputedStyle(cell, '::before').content")
    assert "Item" in label


def test_r3_the_first_screens_decide_and_a_link_opens_the_rest(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "plan.html").write_text(to_html(plan()))
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto((tmp_path / "plan.html").as_uri())
    assert page.evaluate("document.documentElement.scrollHeight / innerHeight") < 5
    for words in ("Can be executed", "Fri 2027-06-18", "Rollback takes"):
        box = page.get_by_text(words).first.bounding_box()
        assert box is not None
        assert box["y"] < 844
    assert not page.get_by_text("send 25 % of requests to the canary", exact=True).is_visible()
    page.goto(f"{(tmp_path / 'plan.html').as_uri()}#steps")
    assert page.get_by_text("send 25 % of requests to the canary", exact=True).is_visible()
