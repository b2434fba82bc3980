"""Secrets on the command line are references: the value would be in the history of the shell."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from pilotage.cli.main import cli


def test_the_token_of_an_issue_tracker_is_a_reference_and_is_not_repeated(tmp_path: Path) -> None:
    export = ("followup", "export", "--issues", "github", "--project", "team/shop")
    for wrong in ("GITHUB_TOKEN", "ghp_abc123"):
        done = CliRunner().invoke(cli, ["--config", str(tmp_path / "pilotage.yaml"), *export, "--token", wrong])
        assert done.exit_code != 0
        assert wrong not in done.output.replace("secret://env/GITHUB_TOKEN", "")
