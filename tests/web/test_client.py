"""R34: the command line as a client of a server: same words, same exit statuses."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import click
import pytest

from pilotage.app.remote import keyring, signing_in
from pilotage.cli.main import _COMMANDS, cli
from pilotage.cli.parsed_words import parse_words
from pilotage.cli.remote_commands import REMOTE
from pilotage.model.access import AccessRole
from tests.web.site import Client, Served

HERE = Path(__file__).parents[2]


def typed(client: Client, *words: str, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """A process as a user's, in a folder without pilotage.yaml."""
    own = {
        "PATH": os.environ["PATH"], "HOME": str(cwd), "PYTHONPATH": f"{HERE}/src:{HERE}",
        "PILOTAGE_SERVER": client.served.url, "PILOTAGE_TOKEN": client.token,
    }  # fmt: skip
    command = [sys.executable, "-m", "pilotage.cli.main", *words]
    return subprocess.run(
        command, cwd=cwd, env=own, input=stdin, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("elsewhere")


def leaves() -> set[str]:
    def below(command: click.Command, path: str) -> set[str]:
        if not isinstance(command, click.Group):
            return {path}
        own = {path} if command.invoke_without_command else set[str]()
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            own |= below(inner, f"{path} {name}")
        return own

    root = click.Context(cli)
    found = set[str]()
    for name in _COMMANDS:
        command = cli.get_command(root, name)
        assert command is not None
        found |= below(command, name)
    return found


def test_r34_every_command_says_whether_it_runs_on_a_server_and_what_it_needs_there() -> None:
    assert leaves() == set(REMOTE)


@pytest.mark.parametrize(
    ("words", "paths", "plans"),
    [
        (["events", "--anchor=/etc/passwd", "--anchor", "b"], ("/etc/passwd", "b"), ()),
        (["meeting", "minutes", "7", "/etc/shadow"], ("/etc/shadow",), ()),
        (["plan", "2.0", "-o", "x.md"], ("x.md",), ()),
        (["plan", "diff", "/etc/shadow", "id"], (), ("/etc/shadow", "id")),
        (["-s", "shop", "risk", "A..B", "--repository", "."], (".",), ()),
    ],
)
def test_files_are_known_before_anything_is_opened(words: list[str], paths: object, plans: object) -> None:
    parsed = parse_words(cli, words)
    assert (parsed.paths, parsed.plans) == (paths, plans)


def test_r34_reading_writing_and_errors_are_as_on_the_server_itself(server: Served, elsewhere: Path) -> None:
    rollout = server.rollout()
    server.person("ada", "viewer@shop")
    ada = server.with_token("ada", "viewer")
    got = typed(ada, "-s", "shop", "history", "--json", cwd=elsewhere)
    assert (got.returncode, json.loads(got.stdout)["rollouts"][0]["id"]) == (0, rollout.id), got
    got = typed(ada, "-s", "shop", "plan", "2.5.0", "-e", "staging", "--json", "-o", "plan.json", cwd=elsewhere)
    assert got.returncode == 0, got
    assert json.loads((elsewhere / "plan.json").read_text())["version"] == "2.5.0"
    # A file that the words name goes along.
    got = typed(ada, "-s", "shop", "plan", "diff", "plan.json", rollout.id, cwd=elsewhere)
    assert got.returncode == 0, got
    assert "2.4.0" in got.stdout
    assert typed(ada, "-s", "shop", "history", "--limitt", "3", cwd=elsewhere).returncode == 2
    assert typed(ada, "-s", "shop", "explain", "-e", "nowhere", cwd=elsewhere).returncode == 2


def test_r34_the_server_refuses_what_the_identity_may_not_and_what_lies_on_it(server: Served, elsewhere: Path) -> None:
    server.rollout()
    hidden = server.rollout("search").id
    server.person("ada", "viewer@shop")
    ada = server.with_token("ada", "viewer")
    got = typed(ada, "-s", "shop", "abort", "-e", "production", "-m", "users", cwd=elsewhere)
    assert (got.returncode, got.stderr) == (
        8, "pilotage: ada may not return traffic to stable in shop/production; has viewer of shop/*, "
        "needs deployer, approver or admin\n",
    )  # fmt: skip
    assert typed(ada, "-s", "search", "history", cwd=elsewhere).returncode == 8
    assert typed(ada, "status", cwd=elsewhere).returncode == 8
    here = server.site.project.config
    for words in (["events", "--anchor", str(here)], ["plan", "diff", str(here), "x"], ["-c", str(here), "history"]):
        answer = ada.post("/api/v1/shell", {"words": ["-s", "shop", *words]})
        *_, said, ended = [json.loads(one) for one in answer.text.splitlines()]
        assert ended == {"kind": "ended", "status": 2}, answer.text
        assert "came along" in said["text"] or "own pilotage.yaml" in said["text"]
    for command in ("events", "explain"):
        answer = ada.post("/api/v1/shell", {"words": ["-s", "shop", command, hidden]})
        assert json.loads(answer.text.splitlines()[-1])["status"] == 8, answer.text


def test_commands_of_this_machine_run_here_or_say_why_not(server: Served, elsewhere: Path) -> None:
    server.person("ada", "admin")
    ada = server.with_token("ada", "admin")
    assert "canary" in typed(ada, "docs", "canary", cwd=elsewhere).stdout
    got = typed(ada, "down", "--yes", cwd=elsewhere)
    assert (got.returncode, "unset PILOTAGE_SERVER" in got.stderr) == (2, True)


def test_without_a_token_it_says_how_to_sign_in(server: Served, elsewhere: Path) -> None:
    got = typed(server.anybody(), "status", cwd=elsewhere)
    assert (got.returncode, f"run `pilotage login {server.url}`" in got.stderr) == (8, True)


def test_r34_a_command_line_signs_in_when_a_person_says_yes(
    server: Served, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(elsewhere))
    monkeypatch.delenv("PILOTAGE_TOKEN", raising=False)
    server.person("ada", "viewer@shop")
    shown, seen = list[signing_in.Asked](), threading.Event()

    def show(asked: signing_in.Asked) -> None:
        shown.append(asked)
        seen.set()

    waiting = threading.Thread(target=lambda: signing_in.sign_in(server.url, show))
    waiting.start()
    assert seen.wait(30)
    ada = server.signed_in("ada")
    page = ada.get(shown[0].url.removeprefix(server.url))
    assert shown[0].code in page.text
    assert ada.submit("/login/device", code=shown[0].code, answer="allow").status == 200
    waiting.join(30)
    token = keyring.token_for(server.url)
    assert Client(server, token=token).get("/api/v1/who").json["grants"] == ["viewer of shop/*"]
    assert (elsewhere / "pilotage" / "tokens.json").stat().st_mode & 0o777 == 0o600
    # The code counts once, and a token cannot make another one.
    assert ada.submit("/login/device", code=shown[0].code, answer="allow").status == 404
    asked = server.anybody().post("/api/v1/login", {"host": "x"}).json
    assert server.anybody().post("/api/v1/login/token", {"secret": asked["secret"]}).status == 409
    assert ada.submit("/login/device", code=asked["code"], answer="refuse").status == 200
    assert server.anybody().post("/api/v1/login/token", {"secret": asked["secret"]}).status == 404


def test_r34_the_table_gives_each_role_no_less_than_the_one_below() -> None:
    from pilotage.app.roles import BUILT_IN

    order = [BUILT_IN[role] for role in AccessRole]
    assert all(below < above for below, above in itertools.pairwise(order))


def test_r32_the_trace_of_the_client_is_handed_on_and_that_of_the_server_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pilotage.app.remote.carrying import Workplace, _environment
    from pilotage.app.remote.sending import request_of

    place = Workplace(config=tmp_path / "pilotage.yaml")
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    for said, got in ((parent, parent), ("", None), ("nonsense\nLD_PRELOAD=x", None)):
        monkeypatch.setenv("TRACEPARENT", said)
        request = request_of(["status"], [], [], "", 80)
        monkeypatch.setenv("TRACEPARENT", "the server's own")
        assert _environment(place, request, 0, tmp_path).get("TRACEPARENT") == got
