"""docs/tenants.md: its list and its waves give the table that it shows (R33)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from pilotage.config.loading import load
from tests.typed import typed

PAGE = (Path(__file__).parents[3] / "docs/tenants.md").read_text()
WHOLE = """
service: shop
answers: {release_type: minor, deployment_strategy: canary, team_size: small, release_frequency: weekly,
          risk_tolerance: medium, stakeholder_complexity: [multi-tenant]}
environments:
  production:
    fleet: {kind: process, command: [./serve, "{version}", "{port}"], count: 2, health_check_path: /}
    router: {kind: envoy, listen: "127.0.0.1:8080", sticky: {cookie: shop_user}}
"""


def blocks(language: str) -> list[str]:
    fenced = re.split(r"^```", PAGE, flags=re.MULTILINE)[1::2]
    return [text.partition("\n")[2] for text in fenced if text.partition("\n")[0] == language]


def project(folder: Path) -> Path:
    whole, shown = yaml.safe_load(WHOLE), yaml.safe_load(blocks("yaml")[0])
    whole["environments"]["production"] |= shown["environments"]["production"]
    whole |= yaml.safe_load(next(text for text in blocks("yml") if "notify:" in text))
    (folder / "customers.csv").write_text(blocks("csv")[0])
    (folder / "pilotage.yaml").write_text(json.dumps(whole))
    return folder


def test_r33_the_table_is_the_one_of_the_page(tmp_path: Path) -> None:
    folder = project(tmp_path)
    typed_there = next(text for text in blocks("") if text.startswith("$ pilotage waves\n"))
    command, _, table = typed_there.partition("\n")
    done = typed(*command.split()[2:], cwd=folder)
    assert done.returncode == 0, done
    shown = [line.split() for line in done.stdout.splitlines()]
    for line in table.splitlines()[1:]:
        assert line.replace("-", "–").split() in shown or line.split() in shown, (line, done.stdout)


def test_r33_a_wish_of_the_page_holds(tmp_path: Path) -> None:
    folder = project(tmp_path)
    done = typed("waves", "move", "hooli", "--to", "eu", "--until", "2099-12-24", "--reason", "year's end", cwd=folder)
    assert done.returncode == 0, done
    assert "hooli gets releases with eu instead of rest until 2099-12-24" in done.stdout
    assert "hooli" in typed("waves", "show", "eu", cwd=folder).stdout
    assert load(folder / "pilotage.yaml").configuration.notify
