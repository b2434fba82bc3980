"""A feature behind a flag of a real unleash-server (R16, R28): services evaluate it with Unleash's own client, and the
server is asked through a proxy that lets it fail."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pilotage.model.hold import HoldCause
from pilotage.model.rollout import Status
from pilotage.testing.harness import wait_until

from ..contract.unleash_flags import strategies
from ..rest_server import Answered, serving
from ..unleash import ADMIN, CLIENT, Between, Unleash, at
from .conftest import Make, Shop, users

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("unleash")]

STAGES = {
    "feature_toggle.stages": ["beta", {"segment": "staff"}, "25%", "50%", "75%", "100%"],
    "feature_toggle.phase_duration": "2s",
    "feature_toggle.bake_duration": "1s",
    "feature_toggle.drain_duration": "2s",  # several looks, in which the flag is emptied, too
}
Toggled = Callable[..., tuple[Shop, str]]


@pytest.fixture
def between(unleash_server: Unleash) -> Iterator[Between]:
    made = Between(unleash_server.url)
    with serving(made):
        yield made


@pytest.fixture
def toggled(
    shop: Make, unleash_server: Unleash, between: Between, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Toggled]:
    """Makes a shop with its first version, and its flag off."""

    def make(**overrides: Any) -> tuple[Shop, str]:
        monkeypatch.setenv("UNLEASH_TOKEN", ADMIN)
        it, flag = shop(strategy="feature-toggle", **{**STAGES, **overrides}), unleash_server.make_flag()
        command = [
            sys.executable, str(Path(__file__).with_name("unleash_shop.py")), "--port", "{port}", "--release",
            "{version}", "--releases", str(it.directory / "releases"), "--unleash", unleash_server.url, "--token",
            CLIENT, "--flag", flag,
        ]  # fmt: skip
        section = {
            "kind": "unleash", "url": between.url, "environment": "production", "key": flag,
            "token": "secret://env/UNLEASH_TOKEN",
            "segments": {"staff": {"attribute": "group", "values": ["internal"]}},
        }  # fmt: skip
        it.configure(fleet={**it.section("fleet"), "command": command}, flag=section)
        it.run("deploy", it.release("v0"), "--timeout", "90s")
        it.run("flag", "kill")
        return it, flag

    yield make
    between.forget_faults()


def on_for(it: Shop, words: str) -> None:
    try:
        wait_until(lambda: words in it.run("flag", "show", expect=None), 60, words)
    except AssertionError:
        raise AssertionError(f"{words}\n{it.told()}\n{it.log()}") from None


@pytest.mark.long
def test_r16_segments_then_a_share_through_a_killed_controller_a_server_in_trouble_and_an_edit_by_hand(
    toggled: Toggled, unleash_server: Unleash, between: Between
) -> None:
    """Undone in the end."""
    it, flag = toggled()
    with users(it) as traffic:
        it.run("deploy", it.release("v1"), "--detach")
        on_for(it, "beta")
        assert it.kill_worker()
        theirs: Any = unleash_server.ask("POST", f"{at(flag)}/strategies", {"name": "default", "title": "ada's own"})
        # Before that it may hold because few requests came yet.
        held = it.wait(
            lambda r: r.state.hold is not None and r.state.hold.cause is HoldCause.FLAGS_UNREACHABLE
        ).state.hold
        assert held is not None
        assert 'has a strategy of somebody else ("ada\'s own") by admin at' in held.sentence
        assert theirs["id"] in {one["id"] for one in strategies(unleash_server, flag)}
        for fault in (Answered(status=503), Answered(status=409), Answered(status=200, delay=4.0)):
            between.fail_next(fault, fits=lambda asked: asked.method in ("PUT", "POST"))
        # It goes on once these were met, so none is left for the way back.
        between.fail_next(
            Answered(status=429, headers={"Retry-After": "2"}), fits=lambda asked: asked.method in ("PUT", "POST")
        )
        unleash_server.ask("DELETE", f"{at(flag)}/strategies/{theirs['id']}")
        # Not `flag show`: it names a group as soon as its strategy is there, maybe written by the late answer, while
        # the controller still waits as the 429 bade it.
        wait_until(lambda: "0 % of everyone, and beta,staff" in titles(unleash_server, flag), 60, it.told())
        it.run("abort", "--reason", "enough")
        rollout = it.wait_end()
        assert not [answer for answer in traffic.answers() if answer.failed]
    assert rollout.state.status is Status.ROLLED_BACK, rollout.state.reason
    assert state_of(unleash_server, flag)["enabled"] is False
    # The flag is off with one request; those that empty it follow.
    wait_until(lambda: titles(unleash_server, flag) == ["0 % of everyone"], 90)
    it.check_history(rollout)


@pytest.mark.long
def test_r16_everyone_gets_it_harm_turns_it_off_there_and_a_token_without_scope_is_named(
    toggled: Toggled, unleash_server: Unleash, monkeypatch: pytest.MonkeyPatch
) -> None:
    it, flag = toggled(**{"feature_toggle.stages": ["beta", "100%"]})
    with users(it):
        it.run("deploy", it.release("v1"))
        assert titles(unleash_server, flag) == ["100 % of everyone, and beta", "group beta"]
        it.run("flag", "kill")
        it.run("deploy", it.release("v2", "flag"), expect=4)
    assert "error rate" in it.latest().state.reason
    assert state_of(unleash_server, flag)["enabled"] is False
    assert titles(unleash_server, flag) == ["0 % of everyone"]
    monkeypatch.setenv("UNLEASH_TOKEN", unleash_server.make_user("Viewer"))
    assert "lacks UPDATE_FEATURE_ENVIRONMENT, CREATE_FEATURE_STRATEGY" in it.run("doctor", expect=None)


def state_of(server: Unleash, flag: str) -> Any:
    return server.ask("GET", at(flag))


def titles(server: Unleash, flag: str) -> list[str]:
    return [
        one["title"].partition(" #")[0].removeprefix("Pilotage (shop/production): ") for one in strategies(server, flag)
    ]
