"""The documentation site as readers open it: files in a browser without a network."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from ..programs import needs

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("browser")]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("zensical")
    place = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "docs", place / "docs")
    shutil.copy(ROOT / "zensical.toml", place)
    built = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"], cwd=place, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return place / "site"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = needs("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def test_search_finds_a_setting_and_nothing_comes_from_the_network(site: Path, browser: Browser) -> None:
    context = browser.new_context(offline=True)
    page, asked = context.new_page(), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.goto((site / "index.html").as_uri())
    page.locator("button.md-search__button").click()
    page.keyboard.type("canary.phase_duration")
    page.get_by_text(re.compile(r"^\d+ results$")).wait_for()
    assert [url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == []
    context.close()


def test_the_widest_pages_fit_on_a_phone(site: Path, browser: Browser) -> None:
    """Their tables and code scroll by themselves."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    for name in ("index", "guides/plans", "reference/cli", "reference/settings", "explanation/judge-measured"):
        page.goto((site / f"{name}.html").as_uri())
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), name
    page.close()
