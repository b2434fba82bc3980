"""R34: roles, tokens and the audit log in the shell of the server's machine."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from pilotage.engine.records.store import Store
from tests.typed import typed
from tests.web.site import CONFIG


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pilotage.yaml").write_text(CONFIG)
    store = Store(tmp_path / ".pilotage")
    store.persons.add("ada", time.time())
    store.close()
    return tmp_path


def test_r34_roles_are_given_explained_and_taken_in_the_shell(project: Path) -> None:
    assert typed("auth", "grant", "ada", "deployer@shop/production", cwd=project).stdout == (
        "ada is deployer of shop/production\n"
    )  # fmt: skip
    yes = typed("auth", "why", "ada", "deploy", "shop/production", cwd=project)
    assert yes.returncode == 0
    assert "ada may deploy in shop/production" in yes.stdout
    no = typed("auth", "why", "ada", "deploy", "search/production", cwd=project)
    assert no.returncode == 8
    assert "deployer of shop/production (their own) allows them to deploy, but not in search/production" in no.stdout
    assert "deployer@shop/production" in typed("auth", "list", cwd=project).stdout
    wrong = typed("auth", "grant", "ada", "boss", cwd=project)
    assert (wrong.returncode, "there is no role 'boss'" in wrong.stderr) == (2, True)
    assert "no longer" in typed("auth", "revoke", "ada", "deployer@shop/production", cwd=project).stdout


def test_r34_tokens_are_made_listed_and_revoked_in_the_shell(project: Path) -> None:
    typed("auth", "grant", "deploy-bot", "deployer@shop", "--kind", "service", cwd=project)
    made = typed("token", "create", "runner", "--service-account", "deploy-bot", cwd=project)
    assert made.stdout.startswith("pilotage_svc_")
    identity = made.stdout.split("_")[2]
    listed = typed("token", "list", "--all", cwd=project).stdout
    assert identity in listed
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d\s", listed), "to the minute, as everywhere on a terminal"
    assert typed("token", "revoke", identity, cwd=project).stdout == "runner is revoked\n"
    assert typed("token", "revoke", cwd=project).returncode == 2


def test_r34_the_log_of_all_that_is_read_and_verified_in_the_shell(project: Path) -> None:
    typed("auth", "grant", "ada", "viewer", cwd=project, actor="grace")
    rows = json.loads(typed("audit", "log", "--json", cwd=project).stdout)["rows"]
    assert (rows[0]["actor"], rows[0]["action"], rows[0]["proof"]) == ("grace", "manage-people", "environment variable")
    whole = typed("audit", "verify", cwd=project)
    assert (whole.returncode, whole.stdout) == (0, f"whole: {len(rows)} rows in one chain\n")
    assert typed("audit", "log", "--actor", "nobody", cwd=project).stdout == "no change fits\n"
    assert typed("audit", "export", "--format", "csv", cwd=project).stdout.startswith("number,at,actor")
