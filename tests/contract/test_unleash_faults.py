"""What only a flag on Unleash promises, on a real unleash-server (R16, R28): nobody else's edits are lost or taken for
ours, no crash gives the flag to more users than planned, and nothing stands in the way of turning it off."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from UnleashClient.clients.unleash_client import UnleashClient
from UnleashClient.utils import InstanceAllowType

from pilotage.adapters import http
from pilotage.adapters.flags import remote, unleash_evaluation
from pilotage.adapters.flags.remote import ProviderLimits, ProviderRefused
from pilotage.adapters.flags.unleash import UnleashFlags
from pilotage.adapters.flags.unleash_adapter import ADAPTER
from pilotage.adapters.ports import AdapterError, AwaitsApproval
from pilotage.adapters.taken_back import NOTE, TakenBack
from pilotage.model.flag import OFF, Ramp
from pilotage.model.json import Json, find
from tests.contract.unleash_flags import context_at, edit, evaluator, opened, section_of, strategies
from tests.rest_server import Answered, Asked, serving
from tests.unleash import CLIENT, Between, Unleash, at

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("unleash")]

TENTH, QUARTER = Ramp((), 100), Ramp((), 250)
KEYS = [f"key-{number}" for number in range(10_000)]


@pytest.fixture
def flag(unleash_server: Unleash) -> str:
    return unleash_server.make_flag()


@pytest.fixture
def between(unleash_server: Unleash) -> Iterator[Between]:
    made = Between(unleash_server.url)
    with serving(made):
        yield made


@pytest.fixture
def flags(unleash_server: Unleash, flag: str, tmp_path: Path, between: Between) -> UnleashFlags:
    """A controller's view, through the proxy."""
    return opened(unleash_server, flag, tmp_path, url=between.url)


def test_r16_the_fixed_cohort_is_within_three_deviations_and_a_tenth_is_part_of_a_quarter(
    unleash_server: Unleash, tmp_path: Path
) -> None:
    """10,000 keys, evaluated by the vendor's client from what the server gives to services of production."""
    unleash_server.ask("POST", "/api/admin/projects/default/features", {"name": "fixed-cohort", "type": "release"})
    flags, before = opened(unleash_server, "fixed-cohort", tmp_path), set[str]()
    for ramp in (TENTH, QUARTER):
        flags.apply(ramp)
        on = served(unleash_server, "fixed-cohort", KEYS, tmp_path / str(ramp.share))
        share = ramp.share / 1000
        assert abs(len(on) - 10_000 * share) <= 3 * (10_000 * share * (1 - share)) ** 0.5
        assert before <= on
        before = on
    flags.apply(OFF)
    assert served(unleash_server, "fixed-cohort", KEYS[:100], tmp_path / "off") == set()


def served(server: Unleash, flag: str, keys: list[str], cache: Path) -> set[str]:
    """For whom a service has the flag on, that starts now with Unleash's client."""
    client = UnleashClient(
        f"{server.url}/api", "shop", custom_headers={"Authorization": CLIENT}, cache_directory=str(cache),
        disable_metrics=True, disable_registration=True, multiple_instance_mode=InstanceAllowType.SILENTLY_ALLOW,
    )  # fmt: skip
    client.initialize_client()
    try:
        return {key for key in keys if client.is_enabled(flag, {"userId": key})}
    finally:
        client.destroy()


def test_everyone_includes_users_whom_nothing_is_known_of(
    flags: UnleashFlags, flag: str, unleash_server: Unleash
) -> None:
    for ramp, anybody in ((TENTH, False), (Ramp((), 1000), True)):
        flags.apply(ramp)
        assert evaluator(unleash_server).check_enabled(flag, {}).is_enabled is anybody


# ── edits of others ─────────────────────────────────────────────────────────────────────────────────────────────────


def add_theirs(server: Unleash, flag: str) -> None:
    server.ask("POST", f"{at(flag)}/strategies", {"name": "default", "title": "ada's own"})


def remove_a_group(server: Unleash, flag: str) -> None:
    (one,) = [one for one in strategies(server, flag) if "group beta" in one["title"]]
    server.ask("DELETE", f"{at(flag)}/strategies/{one['id']}")


def disable_ours(server: Unleash, flag: str) -> None:
    one = next(one for one in strategies(server, flag) if "everyone" in one["title"])
    patch: Json = [{"op": "replace", "path": "/disabled", "value": True}]
    server.ask("PATCH", f"{at(flag)}/strategies/{one['id']}", patch)


def turn_off(server: Unleash, flag: str) -> None:
    server.ask("POST", f"{at(flag)}/off", token=server.make_user("Editor"))


@pytest.mark.parametrize(
    ("edit_it", "sentence"),
    [
        (add_theirs, r'has a strategy of somebody else \("ada.s own"\) by admin at 20'),
        (edit, "has another rule than its title says"),
        (disable_ours, "has another rule than its title says"),
        (remove_a_group, "has no strategy any more for group beta"),
        (turn_off, r"was turned off there by user-\w+@example.com at 20"),
    ],
)
def test_r16_an_edit_by_hand_is_found_named_and_left_alone(
    flags: UnleashFlags, flag: str, unleash_server: Unleash, tmp_path: Path, edit_it: Callable[[Unleash, str], None],
    sentence: str,
) -> None:  # fmt: skip
    """By the controller that runs the release, and by one that replaces it and knows nothing. The way back is open."""
    flags.apply(Ramp(("beta",), 100))
    edit_it(unleash_server, flag)
    before = unleash_server.ask("GET", at(flag))
    for controller in (flags, opened(unleash_server, flag, tmp_path)):
        for attempt in (controller.read, lambda it=controller: it.apply(QUARTER)):
            with pytest.raises(AdapterError, match=sentence):
                attempt()
    assert unleash_server.ask("GET", at(flag)) == before
    flags.apply(OFF)
    assert flags.read() == OFF
    assert not evaluator(unleash_server).check_enabled(flag, {"userId": "ada"}).is_enabled


def test_r16_a_strategy_added_between_reading_and_writing_is_found_after_it(
    flags: UnleashFlags, flag: str, unleash_server: Unleash, between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags.apply(TENTH)

    def meanwhile(asked: Asked, take: Callable[[Asked], Answered] = between.take) -> Answered:
        if asked.method == "PUT":
            add_theirs(unleash_server, flag)
        return take(asked)

    monkeypatch.setattr(between, "take", meanwhile)
    with pytest.raises(AdapterError, match="somebody else"):
        flags.apply(QUARTER)
    assert "ada's own" in {one["title"] for one in strategies(unleash_server, flag)}


def test_r16_a_release_of_another_service_by_the_same_flag_is_found_and_neither_overwrites_the_other(
    flags: UnleashFlags, flag: str, unleash_server: Unleash, tmp_path: Path
) -> None:
    flags.apply(TENTH)
    other = UnleashFlags(section_of(unleash_server.url, flag), context_at(tmp_path / "other", service="cart"))
    before = strategies(unleash_server, flag)
    for attempt in (other.read, lambda: other.apply(QUARTER)):
        with pytest.raises(AdapterError, match=r"of somebody else \('Pilotage \(shop/production\): 10 %"):
            attempt()
    assert strategies(unleash_server, flag) == before


def test_other_environments_variants_and_disabled_strategies_stay_as_they_are(
    flags: UnleashFlags, flag: str, unleash_server: Unleash
) -> None:
    unleash_server.ask("POST", f"{at(flag, 'development')}/on")
    unleash_server.ask("POST", f"{at(flag)}/strategies", {"name": "default", "title": "kept", "disabled": True})

    def others() -> tuple[Any, ...]:
        found: Any = unleash_server.ask("GET", at(flag, "development"))
        kept = [one for one in strategies(unleash_server, flag) if one["title"] == "kept"]
        return found, kept

    before = others()
    for ramp in (Ramp(("beta",), 0), QUARTER, Ramp((), 1000), OFF):
        flags.apply(ramp)
        assert others() == before


def test_r12_off_by_hand_stays_off_where_a_person_uses_the_account_of_pilotage(
    flags: UnleashFlags, flag: str, unleash_server: Unleash
) -> None:
    flags.apply(TENTH)
    unleash_server.ask("POST", f"{at(flag)}/off")
    for attempt in (flags.read, lambda: flags.apply(Ramp((), 250))):
        with pytest.raises(AdapterError, match="was turned off there by admin"):
            attempt()
    assert find(unleash_server.environment_of(flag), "enabled") is False
    flags.apply(OFF)
    assert flags.read() == OFF


def test_a_flag_that_everyone_has_may_be_turned_off_there_and_the_next_release_begins(
    flags: UnleashFlags, flag: str, unleash_server: Unleash, tmp_path: Path
) -> None:
    """After a release, people may turn its flag off at any time."""
    flags.apply(Ramp(("beta",), 1000))
    turn_off(unleash_server, flag)
    assert opened(unleash_server, flag, tmp_path).read() == OFF
    with pytest.raises(AdapterError, match="was turned off there by user-"):
        flags.apply(Ramp((), 1000))
    opened(unleash_server, flag, tmp_path).apply(OFF)
    opened(unleash_server, flag, tmp_path).apply(TENTH)
    assert opened(unleash_server, flag, tmp_path).read() == TENTH


# ── flags that no release may turn on ───────────────────────────────────────────────────────────────────────────────


def archive(server: Unleash, flag: str) -> str:
    server.ask("DELETE", f"/api/admin/projects/default/features/{flag}")
    return flag


def depend(server: Unleash, flag: str) -> str:
    parent = server.make_flag()
    server.ask("POST", f"/api/admin/projects/default/features/{flag}/dependencies", {"feature": parent})
    return flag


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (archive, "Unleash has no flag .* or it is archived"),
        (depend, "depends on flag flag-.*, which is not on for all users in production"),
        (lambda server, _: server.make_flag("permission"), "has the type permission"),
        (lambda *_: "never-made", "Unleash has no flag never-made"),
    ],
)
def test_r16_a_flag_that_no_release_may_turn_on_is_refused(
    unleash_server: Unleash, flag: str, tmp_path: Path, made: Callable[[Unleash, str], str], sentence: str
) -> None:
    flags = opened(unleash_server, made(unleash_server, flag), tmp_path)
    for attempt in (flags.rehearse, lambda: flags.apply(TENTH)):
        with pytest.raises(AdapterError, match=sentence):
            attempt()


def test_a_flag_that_depends_on_one_that_everyone_has_is_turned_on(
    unleash_server: Unleash, flag: str, tmp_path: Path
) -> None:
    flags = opened(unleash_server, depend(unleash_server, flag), tmp_path)
    found: Any = unleash_server.ask("GET", f"/api/admin/projects/default/features/{flag}")
    unleash_server.ask("POST", f"{at(found['dependencies'][0]['feature'])}/on")
    flags.apply(TENTH)
    assert flags.read() == TENTH


# ── tokens and approvals ────────────────────────────────────────────────────────────────────────────────────────────


def test_r28_a_token_without_scope_is_named_with_what_it_lacks(
    unleash_server: Unleash, flag: str, tmp_path: Path
) -> None:
    viewer = opened(unleash_server, flag, tmp_path, secret=unleash_server.make_user("Viewer"))
    assert viewer.read() == OFF
    for attempt in (viewer.rehearse, lambda: viewer.apply(OFF)):
        with pytest.raises(
            ProviderRefused,
            match="UNLEASH lacks UPDATE_FEATURE_ENVIRONMENT in project default, environment production",
        ):
            attempt()
    with pytest.raises(ProviderRefused, match="secret://env/UNLEASH lacks CREATE_FEATURE_STRATEGY"):
        viewer.apply(TENTH)
    for secret, sentence in ((CLIENT, "is of the wrong kind"), ("*:*.nobody", r"401.*must be valid")):
        with pytest.raises(ProviderRefused, match=sentence) as raised:
            opened(unleash_server, flag, tmp_path, secret=secret).read()
        assert secret not in "".join(traceback.format_exception(raised.value))


def test_r16_a_change_that_needs_approval_there_says_so_and_writes_nothing(
    unleash_server: Unleash, flag: str, tmp_path: Path
) -> None:
    flags = opened(unleash_server, flag, tmp_path, secret=unleash_server.make_user("Editor"))
    with unleash_server.change_requests():
        for attempt in (flags.rehearse, lambda: flags.apply(TENTH)):
            with pytest.raises(AwaitsApproval, match="production takes changes by change request"):
                attempt()
    assert strategies(unleash_server, flag) == []
    flags.apply(TENTH)
    assert flags.read() == TENTH


def test_r28_doctor_names_what_is_missing(unleash_server: Unleash, flag: str, tmp_path: Path) -> None:
    assert ADAPTER.examine is not None

    def said(secret: str, key: str = flag, **settings: Any) -> str:
        section = section_of(unleash_server.url, key, **settings)
        found = ADAPTER.examine(section, context_at(tmp_path, secret=secret)) if ADAPTER.examine else ()
        return "\n".join(f"{one.result} {one.sentence}" for one in found)

    editor, viewer = unleash_server.make_user("Editor"), unleash_server.make_user("Viewer")
    assert f"PASS Unleash has flag {flag} in production" in said(editor)
    assert "PASS the token secret://env/UNLEASH may change it" in said(editor)
    assert "FAIL the token secret://env/UNLEASH lacks UPDATE_FEATURE_ENVIRONMENT, CREATE" in said(viewer)
    assert "FAIL Unleash has no flag nothing" in said(editor, "nothing")
    assert f"FAIL flag {flag} of Unleash has no environment qa: its project has" in said(editor, environment="qa")
    rule = [{"attribute": "planet", "values": ["mars"]}]
    assert "WARN Unleash has no context field planet" in said(editor, segments={"far": rule})


# ── a server in trouble, and controllers that die ───────────────────────────────────────────────────────────────────


def test_r16_the_kill_switch_is_one_request_with_nothing_before_it_also_while_unleash_limits_requests(
    flags: UnleashFlags, flag: str, unleash_server: Unleash, between: Between
) -> None:
    flags.apply(QUARTER)
    between.fail_next(Answered(status=429, headers={"Retry-After": "30"}))
    with pytest.raises(ProviderLimits, match="30 s"):
        flags.read()
    asked = len(between.asked)
    with pytest.raises(ProviderLimits):
        flags.read()
    assert len(between.asked) == asked, "nothing is sent while it limits requests"
    flags.apply(OFF)
    assert [(one.method, one.path) for one in between.asked[asked:]] == [("POST", f"{at(flag)}/off")]
    assert not evaluator(unleash_server).check_enabled(flag, {"userId": "ada"}).is_enabled


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (Answered(status=503), r"not available \(503\)"),
        (Answered(status=409), "changed at the same time"),
        (Answered(status=200, delay=1.0), "no complete response within 0.3 s"),
        (Answered(status=500, body={"message": "<html>"}), "not available"),
    ],
)
def test_r16_a_server_in_trouble_fails_the_call_soon_and_the_next_one_ends_right(
    flags: UnleashFlags, between: Between, monkeypatch: pytest.MonkeyPatch, fault: Answered, sentence: str
) -> None:
    flags.apply(TENTH)
    for method in ("GET", "PUT"):
        with monkeypatch.context() as patched:
            patched.setattr(remote, "TIMEOUT", 0.3 if fault.delay else 3.0)
            between.fail_next(fault, fits=lambda asked, method=method: asked.method == method)  # type: ignore[misc]
            with pytest.raises(AdapterError, match=sentence):
                flags.apply(QUARTER)
    flags.apply(QUARTER)
    assert flags.read() == QUARTER


class Crash(BaseException):
    """The controller is gone."""


def test_r16_a_crash_between_any_two_requests_gives_it_to_nobody_else_and_the_next_controller_ends_right(
    unleash_server: Unleash, flag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before each request and after it, on the way up, across and off. Users are those of the ramp before, or of the
    one after, or in between."""
    monkeypatch.setattr(unleash_evaluation, "installed", lambda: False)  # shown above, and slow
    real, left = http.exchange, [0.0]

    def exchange(*arguments: Any, **named: Any) -> http.Answer:
        left[0] -= 0.5
        if left[0] < 0:
            raise Crash
        answer = real(*arguments, **named)
        left[0] -= 0.5
        if left[0] < 0:
            raise Crash
        return answer

    def reached() -> set[str]:
        engine = evaluator(unleash_server)
        told = {user: {"userId": user} for user in KEYS[:300]} | {"beta": {"properties": {"group": "beta"}}}
        return {user for user, context in told.items() if engine.check_enabled(flag, context).is_enabled}

    monkeypatch.setattr(http, "exchange", exchange)
    before, crashes = set[str](), 0
    for ramp in (Ramp(("beta",), 100), Ramp((), 250), OFF):
        seen = []
        for requests in range(40):
            left[0] = requests / 2
            with suppress(Crash):
                opened(unleash_server, flag, tmp_path).apply(ramp)
                break
            crashes += 1
            seen.append(reached())
        left[0] = float("inf")
        assert opened(unleash_server, flag, tmp_path).read() == ramp
        after = reached()
        assert all(users <= before | after for users in seen)
        assert ramp == OFF or all(before & after <= users for users in seen)
        before = after
    assert crashes > 12
    assert len(strategies(unleash_server, flag)) == 1, "nothing was left or made twice"


def test_a_flag_that_was_turned_off_without_the_store_stays_off(
    flags: UnleashFlags, flag: str, unleash_server: Unleash, tmp_path: Path
) -> None:
    (tmp_path / NOTE).write_text('{"to": "v1"}')
    with pytest.raises(TakenBack):
        flags.apply(TENTH)
    assert strategies(unleash_server, flag) == []
    flags.apply(OFF)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"stickiness": "random"}, "random gives one user"),
        ({"url": "https://user:secret@example.org"}, "pattern|without a user"),
    ],
)
def test_settings_that_unleash_would_misread_are_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        section_of(**{"url": "https://example.org", "flag": "new-checkout", **settings})
