"""R34: a passkey in the system's Chromium, with the browser's own authenticator."""

from __future__ import annotations

import pytest
from playwright.sync_api import sync_playwright

from pilotage.app.identity.links import first_link
from tests.programs import needs
from tests.web.browsers import GOOD
from tests.web.site import Served

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("browser")]

_AUTHENTICATOR = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


def test_r34_a_passkey_is_added_and_signs_in(server: Served) -> None:
    url = f"http://localhost:{server.port}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=needs("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        refused: list[str] = []
        page.on("console", lambda said: refused.append(said.text) if "Content Security" in said.text else None)
        tools = page.context.new_cdp_session(page)
        tools.send("WebAuthn.enable")
        tools.send("WebAuthn.addVirtualAuthenticator", {"options": _AUTHENTICATOR})
        page.goto(f"{url}/link/{first_link(server.store)}")
        page.get_by_label("Name").fill("ada")
        for field in page.locator("input[type=password]").all():
            field.fill(GOOD)
        page.get_by_role("button", name="Make the account").click()
        page.goto(f"{url}/settings/account")
        page.get_by_label("Name of the new passkey").fill("My laptop")
        page.get_by_role("button", name="Add a passkey").click()
        page.get_by_text("My laptop").wait_for()
        page.get_by_role("button", name="Sign out everywhere").click()
        page.wait_for_url(f"{url}/login?next=/settings/account")
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.wait_for_url(f"{url}/settings/account")
        assert page.get_by_role("cell", name="passkey", exact=True).count() == 1
        assert refused == [], "what the page needs keeps its own policy"
        browser.close()
