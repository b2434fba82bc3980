"""R34: the first account, signing in by password, and what keeps strangers out."""

from __future__ import annotations

import contextlib
import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from pilotage.app.identity import passwords, throttle
from pilotage.app.identity.links import OWNER_LIFETIME, first_link
from pilotage.app.identity.secrets import hash_of
from pilotage.engine.records.failures import Failed
from pilotage.model.access import Proof
from tests.web.site import Client, Got, Served

GOOD = "purple otter lamp nine"


def browser(server: Served) -> Client:
    return Client(server, headers={"Sec-Fetch-Site": "same-origin"})


def cookie(got: Got, name: str = "pilotage") -> str:
    """Of the answer; empty where it sets none."""
    found = re.search(rf"(?:^|, ){name}=([^;,]*)", got.headers.get("set-cookie", ""))
    return f"{name}={found[1]}" if found else ""


def sign_in(server: Served, name: str, password: str, **fields: str) -> Got:
    return browser(server).submit("/login", name=name, password=password, **fields)


def main_of(got: Got) -> str:
    return got.text.partition("<main")[2].partition("</main>")[0]


@pytest.fixture
def owner(server: Served) -> Served:
    """A server with the account `ada`."""
    made = browser(server).submit(f"/link/{first_link(server.store)}", name="ada", password=GOOD, again=GOOD)
    assert made.status == 303
    return server


def test_r34_the_first_link_makes_the_owner_and_signs_in(server: Served) -> None:
    link = f"/link/{first_link(server.store)}"
    assert "owner" in browser(server).get(link).text
    made = browser(server).submit(link, name="ada", password=GOOD, again=GOOD)
    assert (made.status, made.headers["location"]) == (303, "/")
    page = Client(server, cookie=cookie(made)).get("/")
    assert "ada · admin" in page.text
    assert browser(server).get(link).status == 410
    assert first_link(server.store) is None


def test_r34_a_link_makes_one_account_also_when_two_use_it_at_once(server: Served) -> None:
    link = f"/link/{first_link(server.store)}"

    def use(name: str) -> int:
        return browser(server).submit(link, name=name, password=GOOD, again=GOOD).status

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(use, ("ada", "eve"))) == [303, 410]
    assert len(server.store.persons.all()) == 1


def test_r34_a_later_first_link_ends_the_earlier_and_each_ends_by_itself(server: Served) -> None:
    earlier = first_link(server.store)
    assert first_link(server.store) is not None
    assert browser(server).get(f"/link/{earlier}").status == 410
    links, now = server.store.accounts.links, server.store.clock.now()
    last = first_link(server.store)
    assert last is not None
    assert links.valid(hash_of(last), now + OWNER_LIFETIME - 5) is not None
    assert links.valid(hash_of(last), now + OWNER_LIFETIME + 5) is None


@pytest.mark.parametrize(
    ("name", "password", "words"),
    [
        ("ada", "short", "at least 12"),
        ("ada", "Passw0rd2026!", "easily guessed"),
        ("adalovelace", "AdaLovelace12", "easily guessed"),
        ("../etc", GOOD, "cannot be a name"),
        ("", GOOD, "cannot be a name"),
    ],
)
def test_r34_a_refused_account_leaves_the_link(server: Served, name: str, password: str, words: str) -> None:
    link = f"/link/{first_link(server.store)}"
    got = browser(server).submit(link, name=name, password=password, again=password)
    assert got.status == 400
    assert words in got.text
    assert browser(server).submit(link, name="ada", password=GOOD, again=GOOD).status == 303


def test_r34_a_password_signs_in_and_leads_to_the_page_that_was_wanted(owner: Served) -> None:
    got = sign_in(owner, "ada", GOOD, next="/?show=all")
    assert (got.status, got.headers["location"]) == (303, "/?show=all")
    assert owner.store.persons.called("ada").password.startswith("$argon2id$v=19$")


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
        "/%09//evil.example\r\nX: 1", "/\t/evil.example", " /x", "http:evil.example", "@evil.example",
        "///evil.example",
    ],
)  # fmt: skip
def test_r34_next_leads_to_no_other_site(owner: Served, wanted: str) -> None:
    assert sign_in(owner, "ada", GOOD, next=wanted).headers["location"] == "/"
    assert "evil" not in browser(owner).get(f"/login?next={quote(wanted)}").text


def test_r34_unknown_wrong_and_disabled_get_one_answer(owner: Served) -> None:
    wrong, unknown = sign_in(owner, "ada", "wrong"), sign_in(owner, "bob", "wrong")
    owner.person("eve", "admin")
    owner.store.roles.disable("ada", 1.0)
    disabled = sign_in(owner, "ada", GOOD)
    assert {wrong.status, unknown.status, disabled.status} == {401}
    assert main_of(wrong).replace("ada", "bob") == main_of(unknown) == main_of(disabled).replace("ada", "bob")


def test_r34_an_unknown_name_costs_as_much_as_a_known_one(monkeypatch: pytest.MonkeyPatch, owner: Served) -> None:
    """Each attempt verifies one hash of the same parameters, whoever is meant."""
    from argon2 import PasswordHasher

    seen, real = [], PasswordHasher.verify

    def verify(self: PasswordHasher, hashed: str, password: str) -> bool:
        seen.append(hashed.rpartition("$")[0].rpartition("$")[0])
        return real(self, hashed, password)

    monkeypatch.setattr(PasswordHasher, "verify", verify)
    sign_in(owner, "ada", "wrong"), sign_in(owner, "bob", "wrong")
    assert len(seen) == 2
    assert len(set(seen)) == 1


def test_r34_every_sign_in_gets_a_new_session_and_ends_the_one_before(owner: Served) -> None:
    planted = cookie(sign_in(owner, "ada", GOOD))
    attacker = Client(owner, cookie=planted)
    got = browser(owner).ask(
        "POST", "/login", f"name=ada&password={quote(GOOD)}&csrf=".encode(),
        {"Content-Type": "application/x-www-form-urlencoded", "Cookie": "pilotage=planted-by-somebody"},
    )  # fmt: skip
    assert cookie(got) not in ("", "pilotage=planted-by-somebody", planted)
    from pilotage.web import forgery

    again = Client(owner, cookie=planted, csrf=forgery.token_of(planted.partition("=")[2]))
    assert again.submit("/login", name="ada", password=GOOD).status == 303
    assert attacker.get("/").status == 303, "the session that this browser had is over"


def test_r34_cookies_are_kept_from_scripts_and_other_sites(owner: Served) -> None:
    set_cookie = sign_in(owner, "ada", GOOD).headers["set-cookie"]
    assert "HttpOnly" in set_cookie
    assert "SameSite=lax" in set_cookie
    owner.site.secure = True
    secure = sign_in(owner, "ada", GOOD).headers["set-cookie"]
    assert secure.startswith("__Host-pilotage=") or "; __Host-pilotage=" in secure or ", __Host-pilotage=" in secure
    assert "Secure" in secure
    assert "Path=/;" in secure or secure.endswith("Path=/")


def test_r34_failures_are_slowed_down_but_not_for_a_browser_that_is_known(owner: Served) -> None:
    known = cookie(sign_in(owner, "ada", GOOD), "pilotage-known")
    for _ in range(throttle.PAIR.free):
        assert sign_in(owner, "ada", "wrong").status == 401
    slowed = sign_in(owner, "ada", GOOD)
    assert slowed.status == 429
    assert int(slowed.headers["retry-after"]) >= 1
    assert sign_in(owner, "bob", "wrong").status == 401, "other names have a count of their own"
    form = f"name=ada&password={quote(GOOD)}".encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": known}
    assert browser(owner).ask("POST", "/login", form, headers).status == 303


def test_r34_waits_grow_and_end() -> None:
    limit = throttle.PAIR
    waits = [limit.wait(Failed(count=count, last_at=0), 0) for count in (4, 5, 6, 10, 30)]
    assert waits == [-1.0, 1.0, 2.0, 32.0, limit.longest]
    assert limit.wait(Failed(count=30, last_at=0), limit.longest + 1) < 0
    assert limit.wait(Failed(count=30, last_at=86400), 0) < 0, "a clock that went back a day locks nobody out"
    assert limit.wait(Failed(count=6, last_at=1), 0) == 2.0, (
        "a guess whose clock was read before another was counted waits too"
    )
    assert throttle.NAME.longest <= 30, "a stranger must not keep anybody out for long"


def test_r34_many_logins_at_once_compute_few_hashes() -> None:
    queue = passwords._Queue()
    places = passwords.AT_ONCE + passwords.WAITING
    with contextlib.ExitStack() as stack:
        for _ in range(places - passwords.AT_ONCE):
            assert queue._places.acquire(blocking=False)
        for _ in range(passwords.AT_ONCE):
            stack.enter_context(queue.turn())
        assert not queue._work.acquire(blocking=False)
        with pytest.raises(passwords.Busy), queue.turn():
            raise AssertionError("there was no place")
    with queue.turn():
        pass


def test_r34_hashes_are_argon2id_with_the_parameters_of_rfc_9106(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert passwords.hash_password("ﬁne").startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_r34_a_session_ends_after_twelve_hours_and_after_four_without_use(owner: Served) -> None:
    from pilotage.app.identity import sessions
    from tests.clock import FakeClock

    secret = cookie(sign_in(owner, "ada", GOOD)).partition("=")[2]
    real = owner.store.clock
    begun = real.now()
    try:
        for after, valid in ((3.9, True), (7.7, True), (11.5, True), (12.1, False)):
            owner.store.clock = FakeClock(begun + after * 3600)
            assert (sessions.of_cookie(owner.store, secret, "") is not None) is valid, after
        other = sessions.begin(owner.store, owner.store.persons.called("ada"), Proof.PASSWORD, "", "")
        owner.store.clock = FakeClock(begun + (12.1 + 4.1) * 3600)
        assert sessions.of_cookie(owner.store, other, "") is None
    finally:
        owner.store.clock = real
