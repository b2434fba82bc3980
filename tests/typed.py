"""Commands typed in this process, by the command's own `main`: quick, where a process would prove no more."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from subprocess import CompletedProcess
from unittest import mock

from click.testing import CliRunner

from pilotage.cli.main import main


def typed(*arguments: str, cwd: Path | None = None, actor: str = "") -> CompletedProcess[str]:
    """What `pilotage …` says and how it exits, with nobody at a terminal. actor: who types; else whoever tests."""
    command, status = ["pilotage", *arguments], 0
    named = {"PILOTAGE_ACTOR": actor} if actor else {}
    with (
        CliRunner().isolation(env=named) as (out, err, _),
        contextlib.chdir(cwd or "."),
        mock.patch.object(sys, "argv", command),
    ):
        try:
            main()
        except SystemExit as done:
            status = done.code if isinstance(done.code, int) else int(done.code is not None)
        sys.stdout.flush()
        sys.stderr.flush()
        said, complained = out.getvalue().decode(), err.getvalue().decode()
    return CompletedProcess(command, status, said, complained)
