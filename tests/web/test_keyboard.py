"""R34: the whole way with the keyboard alone, on a desk and on a phone, with a script and without: first start,
sign-in, plan, approval by a second person, watching, abort."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from pilotage.app.identity import passwords
from pilotage.app.identity.links import first_link
from pilotage.model.rollout import CommandKind
from tests.web.site import Served, served
from tests.web.test_browser import PASSWORD, PHONE, WIDE, Controller, browser, opened
from tests.web.world import config

__all__ = ["browser"]

pytestmark = [pytest.mark.long, pytest.mark.real, pytest.mark.xdist_group("browser"), pytest.mark.timeout(1200)]

_MOST = 250
"""Tabs to anything on a page."""


class Keys:
    """A person at a page who has no mouse."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def to(self, what: Locator) -> None:
        """With Tab, as far as it takes."""
        for _ in range(_MOST):
            self.page.keyboard.press("Tab")
            if what.evaluate_all("(found) => found.includes(document.activeElement)"):
                return
        raise AssertionError(f"the keyboard does not reach {what} on {self.page.url}")

    def write(self, label: str, text: str) -> None:
        self.to(self.page.get_by_role("textbox", name=label))
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)

    def choose(self, label: str, text: str) -> None:
        self.to(self.page.get_by_label(label))
        self.page.keyboard.type(text)
        expect(self.page.get_by_label(label).locator("option:checked")).to_have_text(text)

    def press(self, what: Locator) -> None:
        self.to(what)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("script", [True, False], ids=["script", "none"])
def test_r34_the_whole_way_with_the_keyboard_alone(tmp_path: Path, browser: Browser, size: Any, script: bool) -> None:
    program = tmp_path / "bin" / "9.0.0" / "serve"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    with served(tmp_path, config()) as server:
        author = browser.new_context(java_script_enabled=script, viewport=size)
        ada = Keys(author.new_page())
        _first_start(ada, server)
        _plan_and_deploy(ada)
        controller = Controller(server, "checkout")
        controller.asks_for_approval()
        server.person("bob", "approver")
        second = opened(browser, None, java_script_enabled=script, viewport=size)
        bob = Keys(second.new_page())
        _sign_in(bob, server, "bob")
        _approve(bob)
        assert controller.asked() == [(CommandKind.APPROVE, "bob", "demo went well")]
        controller.goes_on(250)
        if not script:
            ada.page.reload()
        expect(ada.page.locator("#state")).to_contain_text("25%", timeout=60_000)
        bob.page.reload()
        _abort(bob)
        assert controller.asked() == [(CommandKind.ABORT, "bob", "enough")]
        controller.goes_back()
        if not script:
            ada.page.reload()
        expect(ada.page.locator("#head .pill")).to_have_text("Rolled back", timeout=60_000)
        author.close()
        second.close()


def _first_start(ada: Keys, server: Served) -> None:
    ada.page.goto(f"{server.url}/link/{first_link(server.store)}")
    ada.write("Name", "ada")
    ada.write("Password", PASSWORD)
    ada.write("Password again", PASSWORD)
    ada.press(ada.page.get_by_role("button", name="Make the account"))
    expect(ada.page.get_by_role("heading", level=1)).to_contain_text("Nothing rolls out")


def _sign_in(bob: Keys, server: Served, name: str) -> None:
    person = server.store.persons.called(name)
    server.store.accounts.set_password(person.id, passwords.hash_password(PASSWORD))
    bob.page.goto(f"{server.url}/login")
    bob.write("Name", name)
    bob.write("Password", PASSWORD)
    bob.press(bob.page.get_by_role("button", name="Sign in", exact=True))
    expect(bob.page.get_by_role("heading", level=1)).to_contain_text("rolling out")


def _plan_and_deploy(ada: Keys) -> None:
    ada.press(ada.page.get_by_role("link", name="Plan a release"))
    ada.choose("Where", "checkout in production")
    ada.write("Version", "9.0.0")
    ada.press(ada.page.get_by_role("button", name="Make the plan"))
    ada.press(ada.page.get_by_role("button", name=re.compile("Deploy 9.0.0")))
    ada.page.wait_for_url("**/rollouts/*")


def _approve(bob: Keys) -> None:
    bob.press(bob.page.locator("#waiting").get_by_role("link", name="Review"))
    bob.press(bob.page.get_by_role("link", name=re.compile("^Approve")))
    bob.write("Reason", "demo went well")
    bob.press(bob.page.get_by_role("button", name="Approve 9.0.0 for production"))
    expect(bob.page.locator("#notices")).to_contain_text("Asked to approve")


def _abort(bob: Keys) -> None:
    back = re.compile("Return all traffic to|Stop .* before it has users|Stop the first deployment|Stop it|Back to")
    bob.press(bob.page.get_by_role("link", name=back))
    bob.write("Reason", "enough")
    bob.press(bob.page.get_by_role("button", name=back))
