"""R34, R19: a rollout can be seen and stopped through the server whatever else is broken around it."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy import event, update

from pilotage.engine.records.tables_identity import sessions, tokens
from tests.web.site import Served
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
