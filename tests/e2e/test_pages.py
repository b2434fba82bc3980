"""R34: a release from the plan to the abort on the server's pages, with a real worker, Envoy and users."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from pilotage.model.rollout import Status
from tests.e2e.conftest import Make, users
from tests.programs import needs
from tests.web.site import served
from tests.web.test_browser import opened

pytestmark = [pytest.mark.long, pytest.mark.real, pytest.mark.xdist_group("browser")]


@pytest.fixture
def browser() -> Iterator[Browser]:
    program = needs("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.parametrize("script", [True, False])
def test_r34_planned_approved_watched_and_aborted_on_the_pages(shop: Make, browser: Browser, script: bool) -> None:
    made = shop(approval__required=True, canary__phase_duration="10m")
    for version in ("1.0", "2.0"):
        made.release(version)
    made.run("deploy", "1.0")
    text = (made.directory / "pilotage.yaml").read_text()
    with served(made.directory, text) as server, users(made):
        server.person("ada", "deployer")
        server.person("bob", "approver")
        author = opened(browser, server.signed_in("ada"), java_script_enabled=script)
        second = opened(browser, server.signed_in("bob"), java_script_enabled=script)
        ada, bob = author.new_page(), second.new_page()
        ada.goto(f"{server.url}/plan")
        ada.get_by_label("Version").fill("2.0")
        ada.get_by_role("button", name="Make the plan").click()
        ada.get_by_role("button", name=re.compile("Deploy 2.0")).locator("visible=true").first.click()
        ada.wait_for_url("**/rollouts/*")
        made.wait(lambda one: one.status is Status.HOLDING)
        bob.goto(server.url)
        bob.get_by_role("link", name="Review").click()
        bob.get_by_role("link", name=re.compile("^Approve 2.0")).click()
        bob.get_by_role("button", name="Approve 2.0 for production").click()
        made.wait(lambda one: one.live.routed == 250)
        if not script:
            ada.reload()
        expect(ada.locator("#state .share")).to_have_text("25%", timeout=60_000)
        # Without a script the page loads itself again until the worker has answered: a reload then would be cut off.
        expect(bob.locator("#notices")).not_to_contain_text("Asked to", timeout=60_000)
        bob.reload()
        bob.get_by_role("link", name="Return all traffic to 1.0").click()
        bob.get_by_label("Reason").fill("the demo is over")
        bob.get_by_role("button", name="Return all traffic to 1.0").click()
        ended = made.wait_end()
        assert (ended.status, ended.reason) == (Status.ROLLED_BACK, "aborted by bob: the demo is over")
        if not script:
            ada.reload()
        expect(ada.locator("#head .pill")).to_have_text("Rolled back", timeout=60_000)
        author.close()
        second.close()
