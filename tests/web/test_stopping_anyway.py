"""R34, R19: a rollout can be seen and stopped through the server whatever else is broken around it."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import event, update
from sqlalchemy.exc import OperationalError

from pilotage.engine.records import last_room
from pilotage.engine.records.tables_identity import sessions, tokens
from pilotage.model.shell import Ended, Message
from tests.web.site import CONFIG, Served
from tests.web.test_shell_of_strangers import carried_out


@pytest.fixture
def broken(server: Served) -> Served:
    """Its pilotage.yaml was damaged while it runs."""
    server.person("ada", "deployer@shop")
    server.site.project.config.write_text("services: [")
    return server


def test_r34_a_rollout_is_aborted_by_page_and_api_while_the_configuration_is_unreadable(broken: Served) -> None:
    first, ada = broken.rollout(), broken.signed_in("ada")
    assert f"/rollouts/{first.id}/abort" in ada.get(f"/rollouts/{first.id}").text
    assert ada.submit(f"/rollouts/{first.id}/abort", reason="users see errors").status == 303
    pending = broken.store.pending(first.id)
    assert [one.kind.value for one in pending] == ["abort"]


def test_r34_a_clients_command_line_reaches_a_rollout_while_the_configuration_is_unreadable(broken: Served) -> None:
    broken.rollout()
    ada = broken.with_token("ada", "deployer@shop")
    status, said = carried_out(ada, "-s", "shop", "explain", "-e", "production")
    assert status == 0, said
    # Whoever has no role there is still refused.
    broken.rollout("search")
    assert carried_out(ada, "-s", "search", "explain", "-e", "production")[0] == 8


def test_r34_a_store_that_takes_nothing_is_still_read_and_says_how_to_stop_without_it(server: Served) -> None:
    """Such as on a full disk."""
    first = server.rollout()
    server.person("ada", "deployer@shop")
    ada, program = server.signed_in("ada"), server.with_token("ada", "deployer@shop")
    with server.store.engine.begin() as connection:
        connection.execute(update(sessions).values(seen_at=sessions.c.seen_at - 600))
        connection.execute(update(tokens).values(used_at=None))

    def full(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            raise sqlite3.OperationalError("database or disk is full")

    event.listen(server.store.engine, "before_cursor_execute", full)
    assert ada.get(f"/rollouts/{first.id}").status == 200
    assert program.get(f"/api/v1/rollouts/{first.id}").status == 200
    refused = ada.submit(f"/rollouts/{first.id}/abort", reason="users see errors")
    assert (refused.status, "pilotage abort --offline" in refused.text) == (503, True)


def test_r34_an_error_has_its_page_where_the_store_cannot_even_be_read(server: Served) -> None:
    server.person("ada", "deployer@shop")
    ada = server.signed_in("ada")

    def gone(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    event.listen(server.store.engine, "before_cursor_execute", gone)
    refused = ada.get("/services")
    assert (refused.status, "<title>" in refused.text) == (503, True)


SINGLE = """\
service: store
answers: {release_type: minor, deployment_strategy: canary, team_size: small, release_frequency: weekly,
  risk_tolerance: low, stakeholder_complexity: [internal-only]}
environments:
  production:
    fleet: {kind: process, command: ["{version}/serve", "{port}"], count: 2, health_check_path: /}
    router: {kind: envoy, listen: "127.0.0.1:18080"}
"""


@pytest.mark.usefixtures("no_worker")
@pytest.mark.parametrize("config", [CONFIG.replace("  shop:", "  store:"), SINGLE], ids=["several", "single"])
def test_r34_a_rollout_of_a_service_that_was_renamed_meanwhile_is_aborted_in_every_way(
    server: Served, config: str
) -> None:
    first = server.rollout()
    server.person("ada", "deployer@shop")
    server.site.project.config.write_text(config)
    browser, program = server.signed_in("ada"), server.with_token("ada", "deployer@shop")
    assert f"/rollouts/{first.id}/abort" in browser.get(f"/rollouts/{first.id}").text
    assert browser.submit(f"/rollouts/{first.id}/abort", reason="users see errors").status == 303
    assert program.post(f"/api/v1/rollouts/{first.id}/abort").status == 200
    assert program.get("/api/v1/services/shop/environments/production/rollouts").status == 200
    pending = server.store.pending(first.id)
    assert [one.kind.value for one in pending] == ["abort", "abort"]


@pytest.mark.parametrize("config", [CONFIG.replace("  shop:", "  store:"), SINGLE], ids=["several", "single"])
def test_r34_a_clients_command_line_means_it_by_its_old_name(server: Served, config: str) -> None:
    from pilotage.app.commands import meant

    first = server.rollout()
    server.site.project.config.write_text(config)
    project = server.site.for_(None).for_service("shop")
    assert meant(project, "production").id == first.id
    assert meant(project, None).id == first.id


async def _ended(*_: object) -> AsyncIterator[Message]:
    """Of a command line that runs in a process of its own, with a disk of its own."""
    yield Ended(status=0)


@pytest.mark.usefixtures("no_worker")
def test_r34_an_abort_is_taken_on_a_full_disk_into_the_room_that_was_laid_by(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = server.rollout(), server.rollout("search")
    server.person("ada", "deployer")
    ada, folder = server.signed_in("ada"), server.store.directory
    program = server.with_token("ada", "deployer")
    monkeypatch.setattr("pilotage.web.api.shell.carry_out", _ended)
    last_room.lay(folder)

    def full(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT") and (folder / "ballast").exists():
            raise OperationalError(statement, {}, sqlite3.OperationalError("database or disk is full"))

    event.listen(server.store.engine, "before_cursor_execute", full)
    path = f"/rollouts/{first.id}"
    as_of = f"{first.state.status.value}/{first.plan.steps[first.state.step].id}"
    assert ada.submit(f"{path}/pause", as_of=as_of, reason="so that").status == 503, "only what takes users back may"
    assert ada.submit(f"{path}/abort", reason="users see errors").status == 303
    assert [one.kind.value for one in server.store.pending(first.id)] == ["abort"]
    assert not (folder / "ballast").exists()
    last_room.lay(folder)
    for command, status in (("promote", 503), ("abort", 200)):
        by_words = program.post("/api/v1/shell", {"words": (command,)}, **{"Idempotency-Key": f"w-{command}"})
        by_route = program.post(f"/api/v1{path}/{command}", {}, **{"Idempotency-Key": f"r-{command}"})
        assert (by_words.status, by_route.status) == (status, status), by_words.text
        assert status == 200 or "make room" in by_route.text
    assert [one.kind.value for one in server.store.pending(first.id)] == ["abort", "abort"]
    last_room.lay(folder)
    event.remove(server.store.engine, "before_cursor_execute", full)
    assert ada.submit(f"/rollouts/{second.id}/abort", reason="there is room").status == 303
    assert (folder / "ballast").exists(), "laid by for the next time"
