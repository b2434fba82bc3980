"""The end of a dead process' log names the error, which servers and runtimes often bury under lines of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

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


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (GUNICORN, "ImportError: cannot import name 'parse_authorization_header'"),
        (NODE, "Error: Cannot find module 'express'"),
        (GO, "panic: open config.toml: no such file"),
    ],
)
def test_the_error_is_named_however_much_follows_it(tmp_path: Path, text: str, named: str) -> None:
    log = tmp_path / "log"
    log.write_text(text)
    assert last_lines(log).startswith(named)
    assert text.splitlines()[-1] in last_lines(log)


def test_a_log_without_an_error_ends_with_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\ntwo\nthree\nfour\n")
    assert last_lines(log) == "two / three / four"
    log.write_text("KeyError: 'a'\nretrying\nValueError: no port\n")
    assert last_lines(log) == "KeyError: 'a' / retrying / ValueError: no port"
