"""R34: codes, recovery codes and passkeys, and the page where people set them up."""

from __future__ import annotations

import re
from pathlib import Path

import pyotp
import pytest

from pilotage.app.identity import passkeys, sessions
from pilotage.app.identity.links import first_link
from pilotage.web import forgery
from pilotage.web.pages.browser_words import browser_words
from tests.clock import FakeClock
from tests.web.browsers import GOOD, Authenticator, Browser
from tests.web.site import Served

ACCOUNT = "/settings/account"
CODE, KEYS = f"{ACCOUNT}/code", f"{ACCOUNT}/passkeys"


def moment(server: Served, at: float) -> None:
    """A standing clock for all requests."""
    server.site.store.clock = server.site.project.clock = FakeClock(at)
    server.site._known = None


@pytest.fixture
def ada(server: Served) -> Browser:
    """The owner's browser, signed in."""
    link = f"/link/{first_link(server.store)}"
    found = Browser(server, host=f"localhost:{server.port}")
    found.get(link)
    assert found.submit(link, name="ada", password=GOOD, again=GOOD).status == 303
    return found


def set_up(browser: Browser) -> tuple[str, list[str]]:
    """The secret of the app, and the recovery codes."""
    shown = browser.get(CODE).text
    secret = re.search(r"Type this secret: <code>([A-Z2-7 ]+)</code>", shown)
    assert secret
    plain = secret[1].replace(" ", "")
    got = browser.submit(CODE, code=pyotp.TOTP(plain).at(int(browser.served.store.clock.now())))
    assert got.status == 200, got.text
    return plain, re.findall(r"^(?:.*<pre>)?((?:[a-z2-9]{4}-){3}[a-z2-9]{4})", got.text, re.MULTILINE)


def sign_in(browser: Browser) -> None:
    browser.get("/login")
    got = browser.submit("/login", name="ada", password=GOOD)
    assert (got.status, got.headers["location"]) == (303, "/login/code")
    browser.get("/login/code")


def test_r34_a_code_is_needed_after_the_password_and_counts_once(server: Served, ada: Browser) -> None:
    moment(server, server.store.clock.now())
    secret, _ = set_up(ada)
    moment(server, server.store.clock.now() + 60)
    fresh = Browser(server)
    sign_in(fresh)
    assert fresh.get("/").status == 303, "the password alone opens nothing"
    fresh.get("/login/code")
    code = pyotp.TOTP(secret).at(int(server.store.clock.now()))
    assert fresh.submit("/login/code", code="000000" if code != "000000" else "111111").status == 401
    assert fresh.submit("/login/code", code=f"{code[:3]} {code[3:]}").status == 303
    assert "ada · admin" in fresh.get("/").text
    other = Browser(server)
    sign_in(other)
    assert other.submit("/login/code", code=code).status == 401, "this code was used"
    moment(server, server.store.clock.now() + 30)
    assert other.submit("/login/code", code=pyotp.TOTP(secret).at(int(server.store.clock.now()))).status == 303


def test_r34_a_clock_that_was_ahead_locks_nobody_out_and_lengthens_no_session(server: Served, ada: Browser) -> None:
    now, ahead = server.store.clock.now(), 86_400.0
    moment(server, now)
    secret, _ = set_up(ada)
    moment(server, now + ahead)
    early = Browser(server)
    sign_in(early)
    assert early.submit("/login/code", code=pyotp.TOTP(secret).at(int(now + ahead))).status == 303
    assert "ada · admin" in early.get("/").text
    moment(server, now + 60)
    assert early.get("/").status == 303, "begun in the future"
    right = Browser(server)
    sign_in(right)
    code = pyotp.TOTP(secret).at(int(now + 60))
    assert right.submit("/login/code", code=code).status == 303
    again = Browser(server)
    sign_in(again)
    assert again.submit("/login/code", code=code).status == 401, "this code was used"


def test_r34_a_recovery_code_works_once(server: Served, ada: Browser) -> None:
    _, codes = set_up(ada)
    assert len(set(codes)) == 10
    for status in (303, 401):
        browser = Browser(server)
        sign_in(browser)
        assert browser.submit("/login/code", code=codes[3].upper().replace("-", " ")).status == status


def test_r34_the_secret_of_the_codes_is_sealed_with_a_key_outside_the_store(server: Served, ada: Browser) -> None:
    secret, codes = set_up(ada)
    person = server.store.persons.called("ada")
    folder = Path(server.store.directory)
    kept = b"".join(path.read_bytes() for path in folder.glob("pilotage.sqlite*"))
    assert secret.encode() not in kept
    assert codes[0].encode() not in kept
    key = folder / "keys" / "sealing"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.read_bytes() not in kept
    key.write_bytes(b"x" * 64)
    browser = Browser(server)
    assert person.totp is not None
    browser.get("/login")
    browser.submit("/login", name="ada", password=GOOD)
    assert "another key" in browser.submit("/login/code", code="123456").text


def test_r34_with_pilotage_secret_several_servers_share_the_key(
    server: Served, ada: Browser, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from pilotage.adapters.sealing import SealUnusable, seal_of

    monkeypatch.setenv("PILOTAGE_SECRET", "one secret for all servers of this store")
    set_up(Browser(server, ada.host, {k: v for k, v in ada.cookies.items() if k == "pilotage"}))
    one, other = seal_of(tmp_path / "one"), seal_of(tmp_path / "other")
    assert other.open("x", one.close("x", [1], 0.0), 0.0) == [1]
    with pytest.raises(SealUnusable):
        other.open("y", one.close("x", [1], 0.0), 0.0)
    with pytest.raises(SealUnusable):
        other.open("x", one.close("x", [1], 0.0), 700.0, 600)
    monkeypatch.setenv("PILOTAGE_SECRET", "short")
    with pytest.raises(SealUnusable, match="at least 32"):
        seal_of(tmp_path)


def test_r34_codes_are_guessed_slowly(server: Served, ada: Browser) -> None:
    set_up(ada)
    stranger = Browser(server)
    sign_in(stranger)
    got = [stranger.submit("/login/code", code=f"{number:06}").status for number in range(7)]
    assert got[0] == 401
    assert got[-1] == 429


def test_r34_a_new_password_ends_all_other_sessions_and_needs_the_present_one(server: Served, ada: Browser) -> None:
    other = Browser(server)
    other.get("/login")
    other.submit("/login", name="ada", password=GOOD)
    before = ada.cookies["pilotage"]
    ada.get(ACCOUNT)
    new = "green kettle seven moons"
    refused = ada.submit(f"{ACCOUNT}/password", current="wrong", password=new, again=new)
    assert (refused.status, "present password" in refused.text) == (401, True)
    ada.get(ACCOUNT)
    assert ada.submit(f"{ACCOUNT}/password", current=GOOD, password=new, again=new).status == 303
    assert ada.cookies["pilotage"] != before
    assert ada.get("/").status == 200
    assert other.get("/").status == 303


def test_r34_sessions_are_listed_and_ended(server: Served, ada: Browser) -> None:
    other = Browser(server)
    other.get("/login")
    other.submit("/login", name="ada", password=GOOD)
    assert "this browser" in ada.get(ACCOUNT).text
    found = server.store.accounts.sessions_of(server.store.persons.called("ada").id, 0.0)
    assert len(found) == 2
    ada.submit(f"{ACCOUNT}/sessions", session="others")
    assert (ada.get("/").status, other.get("/").status) == (200, 303)
    ada.get(ACCOUNT)
    ada.submit(f"{ACCOUNT}/sessions", session="all")
    assert ada.get("/").status == 303


def test_r34_somebody_elses_session_cannot_be_ended(server: Served, ada: Browser) -> None:
    server.person("bob", "viewer")
    bob = server.signed_in("bob")
    (row,) = server.store.accounts.sessions_of(server.store.persons.called("bob").id, 0.0)
    ada.get(ACCOUNT)
    assert ada.submit(f"{ACCOUNT}/sessions", session=row.hash).status == 303
    assert bob.get("/").status == 200


def test_r34_how_somebody_signs_in_is_changed_only_soon_after_signing_in(server: Served, ada: Browser) -> None:
    begun = server.store.clock.now()
    ada.get(ACCOUNT)
    moment(server, begun + sessions.FRESH + 60)
    for path in (CODE, f"{ACCOUNT}/code/remove", f"{ACCOUNT}/password", KEYS):
        csrf = forgery.token_of(ada.cookies["pilotage"])
        got = ada.submit(path, code="1", password=GOOD, again=GOOD, current=GOOD, csrf=csrf)
        assert (got.status, "within 15 minutes" in got.text) == (403, True), path
    assert ada.get(CODE).status == 403
    ada.get(f"/login?again=1&next={ACCOUNT}")
    assert ada.submit("/login", name="ada", password=GOOD).headers["location"] == ACCOUNT
    assert ada.get(CODE).status == 200


@pytest.mark.usefixtures("ada")
def test_r34_a_token_cannot_change_how_its_owner_signs_in(server: Served) -> None:
    client = server.with_token("ada", "admin")
    assert client.get(ACCOUNT).status == 403
    assert client.submit(f"{ACCOUNT}/password", password=GOOD, again=GOOD, current=GOOD).status == 403


@pytest.fixture
def key(ada: Browser) -> Authenticator:
    """A passkey that ada has registered."""
    found = Authenticator(rp="localhost", origin=f"http://{ada.host}")
    ada.get(ACCOUNT)
    got = ada.submit(KEYS, name="My phone", answer=found.make(ada.options(KEYS)))
    assert got.status == 303, got.text
    return found


def test_r34_a_passkey_signs_in_without_a_password(server: Served, ada: Browser, key: Authenticator) -> None:
    assert "My phone" in ada.get(ACCOUNT).text
    fresh = Browser(server, host=ada.host)
    fresh.get("/login?next=/%3Fshow%3Dall")
    answer = key.sign(fresh.options("/login/passkey"))
    got = fresh.submit("/login/passkey", answer=answer)
    assert (got.status, got.headers["location"]) == (303, "/?show=all")
    assert "ada · admin" in fresh.get("/").text
    assert [row.proof.value for row in server.store.accounts.sessions_of(1, 0.0)].count("passkey") == 1


def test_r34_an_answer_of_a_passkey_counts_once_and_only_here(server: Served, ada: Browser, key: Authenticator) -> None:
    def refused(authenticator: Authenticator, **more: int) -> str:
        browser = Browser(server, host=ada.host)
        browser.get("/login")
        got = browser.submit("/login/passkey", answer=authenticator.sign(browser.options("/login/passkey"), **more))
        assert got.status == 401, got.status
        return got.text

    fresh = Browser(server, host=ada.host)
    fresh.get("/login")
    fields, answer = fresh.hidden("/login/passkey"), key.sign(fresh.options("/login/passkey"))
    assert fresh.submit("/login/passkey", answer=answer).status == 303
    again = Browser(server, host=ada.host)
    replayed = again.submit("/login/passkey", **{**fields, "answer": answer})
    assert (replayed.status, "used before" in replayed.text) == (401, True)
    phished = Authenticator(rp="localhost", origin="http://evil.localhost", id=key.id, key=key.key, handle=key.handle)
    assert "origin" in refused(phished)
    assert "RP ID" in refused(Authenticator(rp="evil.example", origin=key.origin, id=key.id, key=key.key))
    assert "nobody has this passkey" in refused(Authenticator(rp="localhost", origin=key.origin))
    assert "ignature" in refused(Authenticator(rp="localhost", origin=key.origin, id=key.id))
    assert "verif" in refused(key, flags=0x01), "the person must be verified, not only present"
    bob = Authenticator(rp="localhost", origin=key.origin, id=key.id, key=key.key, handle=b"pilotage-2")
    assert "another person" in refused(bob)


def test_r34_a_copied_passkey_is_found_by_its_counter(server: Served, ada: Browser, key: Authenticator) -> None:
    def status(count: int) -> int:
        key.count = count
        browser = Browser(server, host=ada.host)
        browser.get("/login")
        return browser.submit("/login/passkey", answer=key.sign(browser.options("/login/passkey"))).status

    assert [status(count) for count in (3, 7, 7, 5, 8)] == [303, 303, 401, 401, 303]


def test_r34_a_removed_passkey_signs_in_nobody(server: Served, ada: Browser, key: Authenticator) -> None:
    (kept,) = server.store.accounts.passkeys_of(1)
    ada.get(ACCOUNT)
    ada.submit(f"{KEYS}/remove", passkey=kept.id)
    browser = Browser(server, host=ada.host)
    browser.get("/login")
    assert browser.submit("/login/passkey", answer=key.sign(browser.options("/login/passkey"))).status == 401


@pytest.mark.parametrize(
    ("base", "possible"),
    [
        ("http://localhost:8420", True), ("https://x.example/p", True), ("http://x.example", False),
        ("https://10.1.2.3", False), ("http://[::1]:80", False),
    ],
)  # fmt: skip
def test_passkeys_need_a_name(base: str, possible: bool) -> None:
    assert passkeys.possible(base) is possible


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 "
            "Safari/537.36 Edg/141.0.0.0", "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/18.0 Mobile/15E148 Safari/604.1", "Safari on iPhone",
        ),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "unknown browser"),
    ],
)  # fmt: skip
def test_a_browser_is_named_in_words(agent: str, words: str) -> None:
    assert browser_words(agent) == words
