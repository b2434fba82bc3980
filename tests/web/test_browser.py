"""R34: the server's pages in the system's Chromium: a release from sign-in to abort, with a script and without, and
what axe-core says of each page."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from pilotage.app.identity import passwords
from pilotage.model.hold import Hold, HoldCause
from pilotage.model.live import LiveView
from pilotage.model.rollout import CommandKind, Decision, Event, Status
from tests.programs import needs
from tests.web.looking import looked_at
from tests.web.site import Client, Served, served
from tests.web.world import addresses, config, fill

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("browser")]

PASSWORD = "purple otter lamp nine"
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LOOKED_AT = (
    "now",
    "watching",
    "withdrawn",
    "approval",
    "confirm-abort",
    "why",
    "plan",
    "made-plan",
    "difference",
    "services",
    "calendar",
    "readiness",
    "way",
)
"""Pages that axe looks at in each run; `test_tour.py` looks at all of them."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = needs("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class World:
    """served: with people and releases · paths: pages by name."""

    served: Served
    paths: Mapping[str, str]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("world")
    for version in ("9.0.0", "9.1.0", "9.2.0"):
        program = folder / "bin" / version / "serve"
        program.parent.mkdir(parents=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    with served(folder, config()) as found:
        yield World(served=found, paths=addresses(found.site, fill(found.site.project)))


def opened(browser: Browser, client: Client | None, **options: Any) -> BrowserContext:
    """A browser with somebody's session, or with nobody's."""
    context = browser.new_context(**options)
    if client is None:
        return context
    name, _, value = client.cookie.partition("=")
    context.add_cookies([{"name": name, "value": value, "url": client.served.url}])
    return context


class Controller:
    """Does what a worker would record, so that no test waits for one."""

    def __init__(self, server: Served, service: str) -> None:
        self._server = server
        (self._id,) = (one.id for one in server.store.active() if one.service == service)

    def asks_for_approval(self) -> None:
        self._record(
            "hold-started",
            "It waits for an approval.",
            status=Status.HOLDING,
            hold=Hold(HoldCause.APPROVAL, "approval"),
        )

    def goes_on(self, share: int) -> None:
        self._answer("done")
        self._record(
            "step-started", f"{share / 10:g}% of requests go to it.", share, status=Status.PROGRESSING, hold=None
        )

    def goes_back(self) -> None:
        self._answer("done")
        self._record("rolled-back", "It went back.", 0, status=Status.ROLLED_BACK, reason="aborted by bob: enough")

    def asked(self) -> list[tuple[CommandKind, str, str]]:
        return [(one.kind, one.actor, one.reason) for one in self._server.store.pending(self._id)]

    def _answer(self, outcome: str) -> None:
        found = self._server.store.get(self._id)
        answered = tuple((one.id, outcome) for one in self._server.store.pending(self._id))
        self._server.store.record(found, Decision(found.state, (), (), answered), None, found.live)

    def _record(self, type_: str, sentence: str, share: int = 0, **changes: Any) -> None:
        found = self._server.store.get(self._id)
        live = LiveView(at=time.time(), wanted=share, routed=share)
        decision = Decision(replace(found.state, at=time.time(), **changes), (), (Event(type_, sentence, {}),))
        self._server.store.record(found, decision, None, live)


def signs_in(page: Page, server: Served, name: str) -> None:
    page.goto(f"{server.url}/login")
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("rolling out")


@pytest.mark.parametrize(
    ("script", "size", "version", "service"),
    [(True, WIDE, "9.0.0", "catalogue"), (False, PHONE, "9.1.0", "payments")],
)
def test_r34_a_release_from_sign_in_to_abort(
    world: World, browser: Browser, script: bool, size: Any, version: str, service: str
) -> None:
    """Plan → deploy → approved by a second person → watched live → aborted."""
    server = world.served
    for name in ("ada", "bob"):
        person = server.store.persons.called(name)
        server.store.accounts.set_password(person.id, passwords.hash_password(PASSWORD))
    author, second = (browser.new_context(java_script_enabled=script, viewport=size) for _ in range(2))
    ada, bob = author.new_page(), second.new_page()
    signs_in(ada, server, "ada")
    ada.goto(f"{server.url}/plan")
    ada.get_by_label("Where").select_option(f"{service}/production")
    ada.get_by_label("Version").fill(version)
    ada.get_by_role("button", name="Make the plan").click()
    ada.get_by_role("button", name=re.compile(f"Deploy {version}")).locator("visible=true").first.click()
    ada.wait_for_url("**/rollouts/*")
    controller = Controller(server, service)
    controller.asks_for_approval()
    signs_in(bob, server, "bob")
    waiting = bob.locator("#waiting li").filter(has_text=f"Approve {service} {version}")
    waiting.get_by_role("link", name="Review").click()
    bob.get_by_role("link", name=re.compile("^Approve")).locator("visible=true").click()
    bob.get_by_label("Reason").fill("demo went well")
    bob.get_by_role("button", name=f"Approve {version} for production").click()
    expect(bob.locator("#notices")).to_contain_text("Asked to approve")
    assert controller.asked() == [(CommandKind.APPROVE, "bob", "demo went well")]
    controller.goes_on(250)
    if not script:
        ada.reload()
    expect(ada.locator("#state")).to_contain_text(re.compile(r"25\s%"), timeout=60_000)
    expect(ada.locator("#head .pill")).to_have_text("Progressing")
    bob.reload()
    back = re.compile("Return all traffic to|Stop .* before it has users|Stop the first deployment|Stop it|Back to")
    bob.get_by_role("link", name=back).locator("visible=true").first.click()
    bob.get_by_label("Reason").fill("enough")
    bob.get_by_role("button", name=back).click()
    assert controller.asked() == [(CommandKind.ABORT, "bob", "enough")]
    controller.goes_back()
    if not script:
        ada.reload()
    expect(ada.locator("#head .pill")).to_have_text("Rolled back", timeout=60_000)
    author.close()
    second.close()


def test_r34_the_keyboard_alone_goes_everywhere_and_aborts(world: World, browser: Browser) -> None:
    context = opened(browser, world.served.signed_in("bob"), viewport=WIDE)
    page = context.new_page()
    page.goto(world.served.url)
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("j")
    expect(page.locator(":focus")).to_have_attribute("data-row", "")
    page.keyboard.press("Control+k")
    page.keyboard.type("checkout 2.4.0")
    expect(page.get_by_role("option").first).to_contain_text("checkout 2.4.0")
    page.keyboard.press("Enter")
    page.wait_for_url("**/rollouts/checkout-production-*")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Return all traffic to 2.3.1")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("x")
    page.wait_for_url("**/abort")
    expect(page.get_by_role("heading", level=1)).to_have_text("Return all traffic to 2.3.1")
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.wait_for_url(f"{world.served.url}/")
    context.close()


def test_r34_a_page_says_since_when_it_is_stale_and_still_aborts(world: World, browser: Browser) -> None:
    context = opened(browser, world.served.signed_in("bob"), viewport=PHONE)
    page = context.new_page()
    page.clock.install()
    page.goto(world.served.url + world.paths["watching"])
    page.route("**/*", lambda route: route.abort())
    page.clock.run_for(20_000)
    expect(page.locator("#stale")).to_contain_text("No news: stale since")
    page.unroute("**/*")
    page.get_by_role("link", name="Back to 2.3.1").click()
    expect(page.get_by_role("button", name="Return all traffic to 2.3.1")).to_be_enabled()
    context.close()


@pytest.mark.parametrize("name", LOOKED_AT)
def test_r34_axe_finds_nothing_serious_and_nothing_runs_over(world: World, browser: Browser, name: str) -> None:
    at = LOOKED_AT.index(name)
    scheme, size = ("light", WIDE) if at % 2 else ("dark", PHONE)
    context = opened(browser, world.served.signed_in("bob"), viewport=size, color_scheme=scheme)
    assert looked_at(context, world.served.url + world.paths[name]) == []
    context.close()
