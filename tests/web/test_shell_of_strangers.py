"""R34: what a command line of a client must not get out of a server, whoever sends it."""

from __future__ import annotations

import json

import pytest

from pilotage.model.followup import FollowUp
from tests.web.site import Client, Served


def carried_out(client: Client, *words: str, files: object = ()) -> tuple[int, str]:
    """Exit status, and all that was said."""
    answer = client.post("/api/v1/shell", {"words": words, "files": files})
    lines = [json.loads(one) for one in answer.text.splitlines()]
    assert lines[-1]["kind"] == "ended", answer.text
    return lines[-1]["status"], "".join(one.get("text", "") for one in lines)


def test_r34_no_client_has_a_secret_of_the_server_sent_to_an_address_of_its_choice(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pilotage.app.followups import add_followup

    monkeypatch.setenv("DATABASE_PASSWORD", "of the server")
    action = FollowUp(0, "Write the alert", "ada", "2026-12-30", "It fires", "high", "2.4.0")
    add_followup(server.site.for_(None, "shop"), "ada", action)
    server.person("ada", "viewer@shop")
    status, said = carried_out(
        server.with_token("ada", "viewer@shop"), "-s", "shop", "followup", "export", "--issues", "github",
        "--project", "a/b", "--token", "secret://env/DATABASE_PASSWORD", "--url", "http://127.0.0.1:9",
        "--allow-private-network",
    )  # fmt: skip
    assert status == 8, said
    assert "secrets of the server's machine are not sent" in said


@pytest.mark.parametrize("words", [("audit", "log"), ("audit", "export"), ("notify", "list")])
def test_r34_what_belongs_to_no_service_is_not_read_with_a_role_in_one(server: Served, words: tuple[str, ...]) -> None:
    server.person("ada", "approver@shop")
    status, said = carried_out(server.with_token("ada", "approver@shop"), "-s", "shop", *words)
    assert (status, "in every service" in said) == (8, True), said


@pytest.mark.parametrize("word", [".", "..", "/", "a/../..", "é" * 300, "a\0b"])
def test_r34_a_file_of_any_name_comes_along(server: Served, word: str) -> None:
    server.person("ada", "viewer@shop")
    files = [{"word": word, "content": "YQ=="}]
    ada = server.with_token("ada", "viewer@shop")
    assert carried_out(ada, "-s", "shop", "meeting", "list", files=files)[0] == 0
