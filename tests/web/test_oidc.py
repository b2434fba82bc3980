"""R34: signing in by OpenID Connect; every lie of a provider, and every replay, is refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from joserfc.jwk import RSAKey

from pilotage.adapters.identity_providers import oidc
from pilotage.app.identity.links import first_link
from pilotage.model.access import Grant, HolderKind
from tests.web.browsers import GOOD, Browser
from tests.web.liar import CLIENT, SECRET, Liar, lying
from tests.web.site import CONFIG, Got, Served, served

WITH = "/login/with/company"


def configured(issuer: str, admit: str = "{groups: [engineering]}") -> str:
    return CONFIG + (
        "server:\n  sign_in:\n    - kind: oidc\n      name: company\n      title: Example Ltd\n"
        f"      issuer: {issuer}\n      client_id: {CLIENT}\n      client_secret: secret://env/COMPANY_SECRET\n"
        f"      admit: {admit}\n      allow_private_network: true\n"
    )


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Liar]:
    monkeypatch.setenv("COMPANY_SECRET", SECRET)
    with lying() as made:
        yield made


@pytest.fixture
def server(provider: Liar, tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, configured(provider.issuer)) as found:
        yield found


def begin(browser: Browser, wanted: str = "") -> str:
    """The address that the browser is sent to."""
    got = browser.get(f"{WITH}?{urlencode({'next': wanted})}")
    assert got.status == 303, got.text
    return got.headers["location"]


def finish(browser: Browser, **answer: str) -> Got:
    return browser.get(f"{WITH}/callback?{urlencode(answer)}")


def sign_in(browser: Browser, provider: Liar, wanted: str = "", **more: str) -> Got:
    return finish(browser, **{**provider.come_back(begin(browser, wanted)), **more})


def test_r34_the_first_sign_in_makes_an_account_with_the_roles_of_its_groups(server: Served, provider: Liar) -> None:
    group = "company:engineering"
    server.store.persons.grant(HolderKind.GROUP, group, Grant(role="deployer", service="shop"), "ada", time.time())
    browser = Browser(server)
    assert "Sign in with Example Ltd" in browser.get("/login").text
    got = sign_in(browser, provider, "/?show=all")
    assert (got.status, got.headers["location"]) == (303, "/?show=all")
    assert "ada · deployer" in browser.get("/").text
    ada = server.store.persons.called("ada")
    assert (ada.issuer, ada.subject, ada.groups) == (provider.issuer, "ada-1", (group, "company:release"))
    (asked,) = provider.seen
    assert asked["authorization"].startswith("Basic ")
    assert SECRET not in str({name: value for name, value in asked.items() if name != "authorization"})
    provider.claims = {"groups": ["engineering-alumni"], "preferred_username": "somebody", "email": "other@x.example"}
    assert sign_in(Browser(server), provider).status == 303, "known by issuer and subject"
    assert server.store.persons.called("ada").groups == ("company:engineering-alumni",)
    assert "ada · no role" in browser.get("/").text, "roles of groups are those of the last sign-in"


def with_claims(**claims: object) -> Callable[[Liar], None]:
    return lambda liar: liar.claims.update(claims)


def wrong_key(liar: Liar) -> None:
    liar.signs = RSAKey.generate_key(2048, parameters={"kid": "one"})


def no_algorithm(liar: Liar) -> None:
    liar.header = {"alg": "none"}


def shared_secret(liar: Liar) -> None:
    liar.header = {"alg": "HS256"}


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        (with_claims(aud="another-client"), "it is for somebody else"),
        (with_claims(aud=[CLIENT, "another"]), "it was given to somebody else"),
        (with_claims(aud=[CLIENT, "another"], azp="another"), "it was given to somebody else"),
        (with_claims(aud=None), "it is for somebody else"),
        (with_claims(iss="https://evil.example"), "it is from another issuer"),
        (with_claims(exp=int(time.time()) - 3600), "it has expired"),
        (with_claims(exp=None), "it has expired"),
        (with_claims(exp="tomorrow"), "it has expired"),
        (with_claims(iat=int(time.time()) - 7200), "it is too old"),
        (with_claims(iat=int(time.time()) + 7200), "it was made in the future"),
        (with_claims(nonce="another"), "it belongs to another sign-in"),
        (with_claims(nonce=None), "it belongs to another sign-in"),
        (with_claims(sub=""), "it names nobody"),
        (with_claims(sub=17), "it names nobody"),
        (wrong_key, "no key of the provider has signed it"),
        (no_algorithm, "no key of the provider has signed it"),
        (shared_secret, "no key of the provider has signed it"),
    ],
)
def test_r34_a_lie_in_the_id_token_signs_in_nobody(
    server: Served, provider: Liar, lie: Callable[[Liar], None], words: str
) -> None:
    lie(provider)
    got = sign_in(Browser(server), provider)
    assert (got.status, words in got.text) == (401, True), got.text
    assert server.store.persons.all() == ()


def test_r34_an_answer_counts_once_in_the_browser_that_began(server: Served, provider: Liar) -> None:
    browser, other = Browser(server), Browser(server)
    answer = provider.come_back(begin(browser))
    begin(other)
    assert "another sign-in" in finish(other, **answer).text, "the state of another browser"
    assert "did not begin" in finish(Browser(server), **answer).text
    kept = dict(browser.cookies)
    assert finish(browser, **answer).status == 303
    replay = Browser(server, cookies=kept)
    assert "used before" in finish(replay, **answer).text
    fresh = begin(browser)
    state = provider.come_back(fresh)["state"]
    assert "refuses the code" in finish(browser, code=answer["code"], state=state).text, "a code that was used"


def test_r34_a_code_of_another_browser_is_worth_nothing(server: Served, provider: Liar) -> None:
    """PKCE and nonce: a stolen code in the thief's own sign-in."""
    stolen = provider.come_back(begin(Browser(server)))["code"]
    thief = Browser(server)
    state = provider.come_back(begin(thief))["state"]
    assert finish(thief, code=stolen, state=state).status == 401


def test_r34_answers_of_providers_are_not_mixed_up(server: Served, provider: Liar) -> None:
    """RFC 9207."""
    assert "another provider" in sign_in(Browser(server), provider, iss="https://evil.example").text
    assert sign_in(Browser(server), provider, iss=provider.issuer).status == 303
    oidc._about.clear()
    provider.about = {"authorization_response_iss_parameter_supported": True}
    assert "another provider" in sign_in(Browser(server), provider).text
    browser = Browser(server)
    answer = provider.come_back(begin(browser))
    assert browser.get(f"/login/with/elsewhere/callback?{urlencode(answer)}").status == 404
    assert browser.get("/login/with/elsewhere").status == 404


def test_r34_a_refusal_of_the_provider_is_shown_without_its_markup(server: Served, provider: Liar) -> None:
    browser = Browser(server)
    state = provider.come_back(begin(browser))["state"]
    got = finish(browser, state=state, error="<script>access_denied</script>")
    assert got.status == 401
    assert "<script>access" not in got.text


def test_r34_strangers_get_no_account(server: Served, provider: Liar) -> None:
    provider.claims = {"groups": ["sales"]}
    assert "has no account here" in sign_in(Browser(server), provider).text
    provider.claims = {"groups": "engineering", "sub": "bob-2", "preferred_username": "bob"}
    assert sign_in(Browser(server), provider).status == 303, "one group is no list at some providers"
    file = server.site.project.config
    file.write_text(configured(provider.issuer, "{domains: [example.org]}"))
    provider.claims = {"sub": "eve", "email": "eve@example.org", "email_verified": False}
    assert "has no account here" in sign_in(Browser(server), provider).text, "an address that nobody verified"
    provider.claims = {"sub": "eve", "email": "eve@example.org.evil.example"}
    assert "has no account here" in sign_in(Browser(server), provider).text
    file.write_text(configured(provider.issuer, "{}"))
    provider.claims = {}
    assert "has no account here" in sign_in(Browser(server), provider).text, "nobody is admitted by default"


def test_r34_no_name_and_no_address_of_the_provider_opens_an_account_that_is_there(
    server: Served, provider: Liar
) -> None:
    server.store.persons.add("ada", time.time(), email="ada@example.org")
    got = sign_in(Browser(server), provider)
    assert (got.status, "there is a person called" in got.text) == (409, True)
    assert server.store.persons.called("ada").subject is None


def test_r34_who_is_signed_in_connects_the_account_and_then_signs_in_by_it(server: Served, provider: Liar) -> None:
    link, browser = f"/link/{first_link(server.store)}", Browser(server)
    browser.get(link)
    browser.submit(link, name="ada", password=GOOD, again=GOOD)
    assert "Connect with Example Ltd" in browser.get("/settings/account").text
    address = browser.get("/settings/account/connect/company").headers["location"]
    assert finish(browser, **provider.come_back(address)).headers["location"] == "/settings/account"
    other = Browser(server)
    assert sign_in(other, provider).status == 303
    assert "ada · admin" in other.get("/").text
    server.person("eve", "viewer")
    eve = Browser(server, cookies={"pilotage": server.signed_in("eve").cookie.partition("=")[2]})
    address = eve.get("/settings/account/connect/company").headers["location"]
    assert "somebody else" in finish(eve, **provider.come_back(address)).text
    browser.get("/settings/account")
    assert browser.submit("/settings/account/disconnect").status == 303
    assert server.store.persons.called("ada").subject is None


def test_r34_a_closed_account_stays_closed(server: Served, provider: Liar) -> None:
    sign_in(Browser(server), provider)
    server.person("eve", "admin")
    server.store.roles.disable("ada", time.time())
    assert "is closed" in sign_in(Browser(server), provider).text


def test_r34_while_the_provider_is_down_an_emergency_account_signs_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPANY_SECRET", SECRET)
    config = configured("http://localhost:9").replace("  sign_in:", "  passwords: emergency\n  sign_in:")
    with served(tmp_path, config) as server:
        link, browser = f"/link/{first_link(server.store)}", Browser(server)
        browser.get(link)
        browser.submit(link, name="ada", password=GOOD, again=GOOD)
        fresh = Browser(server)
        got = fresh.get(WITH)
        assert (got.status, "localhost:9 does not answer" in got.text) == (503, True), got.text
        assert fresh.submit("/login", name="ada", password=GOOD).status == 303


def test_r34_keys_that_the_provider_changes_are_found_and_old_ones_end(
    server: Served, provider: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sign_in(Browser(server), provider).status == 303
    provider.key = RSAKey.generate_key(2048, parameters={"kid": "two"})
    provider.header = {"kid": "two"}
    assert sign_in(Browser(server), provider).status == 401, "not asked again within half a minute"
    monkeypatch.setattr(oidc, "_AGAIN", 0.0)
    assert sign_in(Browser(server), provider).status == 303


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"issuer": "https://evil.example"}, "is about the issuer"),
        ({"token_endpoint": "http://evil.example/token"}, "without HTTPS"),
        ({"jwks_uri": None}, "lacks an endpoint"),
    ],
)
def test_r34_a_provider_that_describes_itself_wrongly_is_not_asked(
    server: Served, provider: Liar, about: dict[str, str], words: str
) -> None:
    oidc._about.clear()
    provider.about = about
    got = Browser(server).get(WITH)
    assert (got.status, words in got.text) == (503, True), got.text


def test_r34_what_only_userinfo_says_counts_if_it_is_about_the_same_person(server: Served, provider: Liar) -> None:
    provider.claims, provider.userinfo = {"groups": None}, {"groups": ["engineering"], "sub": "eve"}
    assert "about somebody else" in sign_in(Browser(server), provider).text
    provider.userinfo = {"groups": ["engineering"]}
    assert sign_in(Browser(server), provider).status == 303


def test_r34_with_a_provider_program_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """oidc-provider-mock, which checks client, redirect, nonce and PKCE with authlib."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import oidc_provider_mock  # type: ignore[import-untyped]
    import http.client
    from urllib.parse import urlsplit

    monkeypatch.setenv("COMPANY_SECRET", SECRET)
    user = oidc_provider_mock.User(sub="ada-1", claims={"preferred_username": "ada", "groups": ["engineering"]})
    with oidc_provider_mock.run_server_in_thread(require_nonce=True, user_claims=[user]) as other:
        issuer = f"http://localhost:{other.server_port}"
        with served(tmp_path, configured(issuer)) as server:
            browser = Browser(server)
            parts = urlsplit(begin(browser))
            connection = http.client.HTTPConnection("localhost", other.server_port, timeout=20)
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", f"{parts.path}?{parts.query}", b"sub=ada-1", headers)
            answer = connection.getresponse()
            answer.read()
            connection.close()
            location = urlsplit(answer.headers["Location"])
            assert location.path == f"{WITH}/callback"
            got = browser.get(f"{location.path}?{location.query}")
            assert got.status == 303, got.text
            assert "ada" in browser.get("/").text


@pytest.mark.parametrize("aliases", ["[ada.lovelace]", '["company:ada"]'], ids=["a name", "vouched for"])
def test_r34_a_first_sign_in_takes_no_name_of_people_that_the_configuration_does_not_give(
    provider: Liar, tmp_path: Path, aliases: str
) -> None:
    people = f"people:\n  ada: {{roles: [release manager], aliases: {aliases}}}\n"
    with served(tmp_path, configured(provider.issuer) + people) as server:
        got = sign_in(Browser(server), provider)
        joined = [one.name for one in server.store.persons.all()]
        if "company" in aliases:
            assert (got.status, joined) == (303, ["ada"])
        else:
            assert (got.status, joined) == (400, [])
            assert "ada is a name of ada in `people`" in got.text
            assert "add company:ada to their aliases" in got.text
