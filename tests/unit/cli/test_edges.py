"""Texts of strangers steer no terminal and break out of no page, also when a record holds what should not be there."""

from __future__ import annotations

import io
import re
import sys
import threading
from http.client import HTTPConnection
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from pydantic import TypeAdapter, ValidationError
from rich.panel import Panel
from rich.text import Text

from pilotage.adapters import static_server
from pilotage.adapters.static_server import serve
from pilotage.cli.edge import console, guard
from pilotage.config.fields import BaseUrl, InsideProject, PlainUrl
from pilotage.config.notes import PublishSection
from pilotage.config.phases import MetBySection
from pilotage.model.document import Document, KeyFigure, Section
from pilotage.render.document import to_html, to_markdown, to_terminal
from pilotage.render.html import to_html as plan_to_html
from pilotage.render.pills import Pill
from pilotage.render.rich_table import rich_table
from pilotage.render.rollout_page import RolloutHead, Split, rollout_to_html
from pilotage.render.status import files_of
from pilotage.report.status import Condition, Service, StatusPage
from tests.plans import a_plan

HOSTILE = "[/red]\x1b]0;title\x07\x1b[2J\u202egnp.exe\x9b\x08<script>alert(1)</script>[x](javascript:a)"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u206f]")
DOCUMENT = Document(
    HOSTILE, (HOSTILE,), (Section("a", HOSTILE, (HOSTILE,), ("h",), ((HOSTILE,),), bullets=(HOSTILE,)),)
)


def test_no_form_of_a_document_holds_what_is_obeyed() -> None:
    for text in (to_markdown(DOCUMENT), to_html(DOCUMENT)):
        assert not OBEYED.search(text)
    assert "<script>" not in to_html(DOCUMENT)
    assert not re.search(r"(?<!\\)\]\(javascript", to_markdown(DOCUMENT))


def test_the_console_writes_no_escape_sequence_of_a_text_and_reads_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stdout", written)
    screen = console()
    for shown in (
        HOSTILE,
        to_terminal(DOCUMENT),
        rich_table(["a"], [[HOSTILE]]),
        Panel(Text("a"), title=Text(HOSTILE)),
    ):
        screen.print(shown)
    assert not OBEYED.search(written.getvalue())
    assert "[/red]" in written.getvalue()


def test_a_terminal_still_gets_rich_s_own_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stdout", written)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    console().print(Text("a\x1b[2Jb", "red"))
    assert written.getvalue() == "\x1b[31mab\x1b[0m\n"


def test_what_a_command_echoes_is_clean_and_the_streams_are_given_back() -> None:
    @click.command()
    @click.pass_context
    def command(ctx: click.Context) -> None:
        ctx.call_on_close(guard())
        click.echo(HOSTILE)
        click.echo(HOSTILE, err=True)

    before = sys.stdout, sys.stderr
    done = CliRunner().invoke(command)
    assert (sys.stdout, sys.stderr) == before
    assert not OBEYED.search(done.stdout + done.stderr)
    assert "gnp.exe" in done.stdout
    assert "gnp.exe" in done.stderr


HEAD = RolloutHead(
    title=HOSTILE, pill=Pill("bad", HOSTILE), kind=HOSTILE, figures=(KeyFigure(HOSTILE, HOSTILE, HOSTILE),),
    split=Split(new=HOSTILE, old=HOSTILE, routed=248, wanted=250),
)  # fmt: skip


def test_every_page_says_that_it_loads_and_runs_nothing() -> None:
    plan = a_plan(version="2.0")
    page = StatusPage(HOSTILE, (Service(HOSTILE, Condition.OPERATIONAL),), (), (), 0.0)
    status = files_of(page, "http://localhost/")
    pages = [plan_to_html(plan), rollout_to_html(HEAD, plan, [HOSTILE], [], [(HOSTILE,) * 3]), to_html(DOCUMENT),
             status["index.html"]]  # fmt: skip
    for text in pages:
        policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', text)
        assert policy is not None
        assert policy[1].startswith("default-src 'none';")
        assert "script" not in policy[1]
        assert not re.search(r"<script|<link|\bon[a-z]+=|src=", text)
    # RFC 5545 ends lines with a carriage return and a line feed.
    files = [text.replace("\r\n", "\n") for text in status.values()]
    assert not any(OBEYED.search(text) for text in (*pages, *files))


@pytest.mark.parametrize("folder", ["../status", "/var/www", "a/../../b", "", "a\0b", ".."])
def test_the_status_page_lies_inside_the_project(folder: str) -> None:
    with pytest.raises(ValidationError, match="is not a folder inside the project"):
        TypeAdapter(InsideProject).validate_python(folder)


@pytest.mark.parametrize("file", ["../2.0.md", "/etc/{version}", "a\0{version}"])
def test_a_draft_and_what_shows_that_work_is_done_lie_inside_the_project(file: str) -> None:
    with pytest.raises(ValidationError, match="inside the project"):
        MetBySection.model_validate({"file": file})
    with pytest.raises(ValidationError, match="inside the project"):
        PublishSection.model_validate({"environment": "production", "folder": "x", "draft": f"{file}/{{version}}"})


def test_no_address_of_the_configuration_holds_a_password_and_an_at_sign_in_a_path_is_none() -> None:
    """R24: the configuration is copied into the state folder, and holds references to secrets alone."""
    for address in ("https://u:hunter2@gitlab.example", "https://hunter2@gitlab.example/x"):
        with pytest.raises(ValidationError, match="without a user or a password") as refused:
            TypeAdapter(PlainUrl).validate_python(address)
        assert "hunter2" not in refused.value.errors()[0]["msg"]
    assert TypeAdapter(PlainUrl).validate_python("https://help.example/@shop")


@pytest.mark.parametrize("url", ["https://feedback.example?a=b", "https://feedback.example/#c"])
def test_forms_lie_below_the_address_of_the_intake(url: str) -> None:
    with pytest.raises(ValidationError, match="paths are put after this address"):
        TypeAdapter(BaseUrl).validate_python(url)


@pytest.mark.parametrize("folder", [".pilotage", ".git/hooks", "a/../.pilotage/keys"])
def test_no_folder_of_git_or_pilotage_is_written_to_or_served(folder: str) -> None:
    with pytest.raises(ValidationError, match="belongs to git or to Pilotage"):
        TypeAdapter(InsideProject).validate_python(folder)


def test_a_hidden_file_is_not_served(tmp_path: Path) -> None:
    """R24: a project whose whole folder is served gives away neither its store nor its key."""
    (tmp_path / ".pilotage").mkdir()
    for name in (".pilotage/key", "feed.json"):
        (tmp_path / name).write_text("{}")
    with serve(tmp_path, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            assert [_asked(server.server_port, name) for name in ("feed.json", ".pilotage/key", "%2epilotage/key")] == [
                200, 404, 404,
            ]  # fmt: skip
        finally:
            server.shutdown()


def _asked(port: int, path: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", f"/{path}")
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_link_that_leads_out_of_the_project_is_not_written_through(tmp_path: Path) -> None:
    from pilotage.app.status_page import write_status

    outside = tmp_path / "outside"
    outside.mkdir()
    folder = tmp_path / "status"
    folder.symlink_to(outside)
    page = StatusPage("shop", (), (), (), 0.0)
    with pytest.raises(OSError, match="a link, not a directory"):
        write_status(folder, page, "http://localhost/")
    assert list(outside.iterdir()) == []
    folder.unlink()
    folder.mkdir()
    (outside / "victim").write_text("theirs")
    (folder / "index.html").symlink_to(outside / "victim")
    assert write_status(folder, page, "http://localhost/")
    assert (outside / "victim").read_text() == "theirs"
    assert not (folder / "index.html").is_symlink()


def test_the_status_server_serves_its_folder_and_nothing_that_a_link_leads_to(tmp_path: Path) -> None:
    folder = tmp_path / "status"
    folder.mkdir()
    (tmp_path / "secret").write_text("hunter2")
    (folder / "index.html").write_text("the page")
    (folder / "link.html").symlink_to(tmp_path / "secret")
    (folder / "loop.html").symlink_to(folder / "loop.html")
    with static_server.serve(folder, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        answers = {}
        for path in ("/", "/link.html", "/loop.html", "/../secret", "/%2e%2e/secret", "/a%00b", "/%ff"):
            line = HTTPConnection("127.0.0.1", server.server_address[1], timeout=5)
            line.request("GET", path)
            answered = line.getresponse()
            answers[path] = answered.status, b"hunter2" in answered.read()
            line.close()
        server.shutdown()
    assert answers.pop("/") == (200, False)
    assert set(answers.values()) == {(404, False)}
