"""R17: what only developers install is listed, and never a finding to act on."""

from __future__ import annotations

import json

import pytest

from pilotage.model.risk import RiskLevel
from pilotage.risk.advisories import Advisories
from pilotage.risk.dependencies import findings_of


def _npm(run: str, tool: str) -> str:
    packages = {"node_modules/a": {"version": run}, "node_modules/t": {"version": tool, "dev": True}}
    return json.dumps({"packages": packages})


def _npm_1(run: str, tool: str) -> str:
    return json.dumps({"dependencies": {"a": {"version": run}, "t": {"version": tool, "dev": True}}})


def _composer(run: str, tool: str) -> str:
    return json.dumps({"packages": [{"name": "a", "version": run}], "packages-dev": [{"name": "t", "version": tool}]})


def _pipenv(run: str, tool: str) -> str:
    return json.dumps({"default": {"a": {"version": f"=={run}"}}, "develop": {"t": {"version": f"=={tool}"}}})


def _tables(*each: str) -> str:
    return "".join(f"[[package]]\n{one}\n" for one in each)


def _poetry(run: str, tool: str) -> str:
    return _tables(f'name="a"\nversion="{run}"\ngroups=["main"]', f'name="t"\nversion="{tool}"\ngroups=["dev"]')


def _poetry_1(run: str, tool: str) -> str:
    return _tables(f'name="a"\nversion="{run}"\ncategory="main"', f'name="t"\nversion="{tool}"\ncategory="dev"')


def _uv(run: str, tool: str) -> str:
    return (
        '[[package]]\nname="shop"\nversion="1"\nsource={editable="."}\ndependencies=[{name="b"}]\n'
        '[package.dev-dependencies]\ndev=[{name="T"}]\n'
        '[[package]]\nname="b"\nversion="1.0"\ndependencies=[{name="a"}]\n'
        f'[[package]]\nname="a"\nversion="{run}"\n[[package]]\nname="T"\nversion="{tool}"\n'
    )


LOCKS = {
    "package-lock.json": _npm, "composer.lock": _composer, "Pipfile.lock": _pipenv, "poetry.lock": _poetry,
    "old/package-lock.json": _npm_1, "old/poetry.lock": _poetry_1, "uv.lock": _uv,
}  # fmt: skip


@pytest.mark.parametrize("path", LOCKS)
def test_only_a_package_that_runs_is_a_finding_to_act_on(path: str) -> None:
    told = LOCKS[path]
    tool, run = (
        findings_of(path, told("1.0", "1.0"), after, Advisories()) for after in (told("1.0", "2.0"), told("2.0", "1.0"))
    )
    assert [(one.level, one.mitigation) for one in tool] == [(RiskLevel.LOW, "")]
    assert tool[0].sentence == f"1 package for development and tests in {path}: t 1.0 → 2.0"
    step = "a 1.0 → 2.0 (indirect)" if path == "uv.lock" else "a 1.0 → 2.0"
    assert [(one.level, one.sentence) for one in run] == [(RiskLevel.MEDIUM, f"{step}, a major version")]


def test_a_package_of_developers_that_begins_to_run_counts() -> None:
    before = json.dumps({"packages": {"node_modules/t": {"version": "1.0", "dev": True}}})
    after = json.dumps({"packages": {"node_modules/t": {"version": "2.0"}}})
    assert [one.sentence for one in findings_of("package-lock.json", before, after, Advisories())] == [
        "t 1.0 → 2.0, a major version"
    ]
    assert findings_of("package-lock.json", before, before.replace("1.0", "2.0"), Advisories())[0].mitigation, (
        "where nothing else is listed, a page of the web is built from it"
    )
    both = json.dumps(
        {"packages": {"node_modules/t": {"version": "1.0"}, "x/node_modules/t": {"version": "1.0", "dev": True}}}
    )
    assert findings_of("package-lock.json", both, both.replace("1.0", "2.0"), Advisories())[0].level is RiskLevel.MEDIUM
