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
from pilotage.cli.edge import console, guard
from pilotage.config.fields import InsideProject
from pilotage.model.document import Document, Section
from pilotage.render.document import to_html, to_markdown, to_terminal
from pilotage.render.html import rollout_to_html
from pilotage.render.html import to_html as plan_to_html
from pilotage.render.rich_table import rich_table
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


def test_every_page_says_that_it_loads_and_runs_nothing() -> None:
    plan = a_plan(version="2.0")
    page = StatusPage(HOSTILE, (Service(HOSTILE, Condition.OPERATIONAL),), (), (), 0.0)
    status = files_of(page, "http://localhost/")
    pages = [plan_to_html(plan), rollout_to_html(HOSTILE, plan, [HOSTILE], [], [(HOSTILE,) * 3]), to_html(DOCUMENT),
             status["index.html"]]  # fmt: skip
    for text in pages:
        policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', text)
        assert policy is not None
        assert policy[1].startswith("default-src 'none';")
        assert "script" not in policy[1]
        assert not re.search(r"<script|<link|\bon[a-z]+=|src=", text)
    assert not any(OBEYED.search(text) for text in (*pages, *status.values()))


@pytest.mark.parametrize("folder", ["../status", "/var/www", "a/../../b", "", "a\0b", ".."])
def test_the_status_page_lies_inside_the_project(folder: str) -> None:
    with pytest.raises(ValidationError, match="is not a folder inside the project"):
        TypeAdapter(InsideProject).validate_python(folder)


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
