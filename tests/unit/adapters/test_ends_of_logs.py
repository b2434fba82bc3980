"""The end of a dead process' log names the error, which servers and runtimes often bury under lines of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pilotage.adapters.hosts.container_logs import ending
from pilotage.adapters.hosts.container_runtime import Container, ContainerRuntime
from pilotage.adapters.hosts.hosted_program import last_words
from pilotage.adapters.hosts.local import LocalHost
from pilotage.adapters.processes import last_lines

GUNICORN = """\
  File "/srv/app/httpbin/core.py", line 35, in <module>
    from werkzeug.http import parse_authorization_header
ImportError: cannot import name 'parse_authorization_header' from 'werkzeug.http'
[2026-11-26 10:09:49 +0000] [6187] [INFO] Worker exiting (pid: 6187)
[2026-11-26 10:09:50 +0000] [6081] [ERROR] Worker (pid:6187) exited with code 3.
[2026-11-26 10:09:50 +0000] [6081] [ERROR] Shutting down: Master
[2026-11-26 10:09:50 +0000] [6081] [ERROR] Reason: Worker failed to boot.
"""
NODE = """\
Error: Cannot find module 'express'
Require stack:
- /srv/app/server.js
    at Module._resolveFilename (node:internal/modules/cjs/loader:1048:15) {
  code: 'MODULE_NOT_FOUND',
  requireStack: [ '/srv/app/server.js' ]
}

Node.js v20.11.1
"""
GO = """\
panic: open config.toml: no such file

goroutine 1 [running]:
main.main()
	/srv/main.go:7 +0x1d
exit status 2
"""


DEAD = Container(
    id="1", name="shop", labels={}, status="exited", pid=0, exit_status=3, killed_for_memory=False, error="",
    started=1.0, finished=2.0, stop_signal="TERM", memory_limit=0,
)  # fmt: skip


def of_process(text: str, folder: Path) -> str:
    (folder / "log").write_text(text)
    return last_lines(folder / "log")


def of_process_on_a_host(text: str, _: Path) -> str:
    return last_words(text.splitlines()).removeprefix("end of its log: ")


def of_container(text: str, folder: Path) -> str:
    """`podman logs` is a program that stamps the lines that were asked for."""
    (folder / "log").write_text("".join(f"2026-11-26T10:09:49Z {row}\n" for row in text.splitlines()))

    class Host(LocalHost):
        def run(self, command, **_):  # type: ignore[no-untyped-def]
            return super().run(["tail", "-n", command[command.index("--tail") + 1], str(folder / "log")])

    told = ending(ContainerRuntime(Host(folder), "podman"), DEAD, killed_by_us=False)
    return told.removeprefix("exited with status 3; end of its log: ")


@pytest.mark.parametrize("end_of", [of_process, of_process_on_a_host, of_container])
@pytest.mark.parametrize(
    ("text", "named"),
    [
        (GUNICORN, "ImportError: cannot import name 'parse_authorization_header'"),
        (NODE, "Error: Cannot find module 'express'"),
        (GO, "panic: open config.toml: no such file"),
    ],
)
def test_the_error_is_named_however_much_follows_it(
    tmp_path: Path, text: str, named: str, end_of: Callable[[str, Path], str]
) -> None:
    said = end_of(text, tmp_path)
    assert said.startswith(named)
    assert text.splitlines()[-1] in said


def test_a_log_without_an_error_ends_with_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\ntwo\nthree\nfour\n")
    assert last_lines(log) == "two / three / four"
    log.write_text("KeyError: 'a'\nretrying\nValueError: no port\n")
    assert last_lines(log) == "KeyError: 'a' / retrying / ValueError: no port"
