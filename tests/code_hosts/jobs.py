"""Runs the steps of the composite action and the jobs of the GitLab component as they stand, as their runners do.

Only what these two files use is there: expressions with `||`, `&&`, `==`, `always()` and `format`, and inputs that
stand for a whole value or a part of it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
_TOKENS = re.compile(r"'[^']*'|\|\||&&|==|[(),]|[\w.-]+")


@dataclass
class Job:
    """folder: the checkout · variables: what the runner sets · outputs: of each step by its id."""

    folder: Path
    scratch: Path
    variables: Mapping[str, str]
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    log: str = ""
    failed: bool = False
    status: int = 0

    def shell(self, script: str, extra: Mapping[str, str], cwd: Path) -> int:
        """Run a script with bash as both runners call it; returns its exit status."""
        (self.scratch / "step.sh").write_text(script)
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(self.scratch / "step.sh")]
        done = subprocess.run(
            command, cwd=cwd, env={**self.base, **self.variables, **extra}, capture_output=True, check=False
        )
        # Not as text, which would turn a carriage return into a line.
        self.log += (done.stdout + done.stderr).decode()
        return done.returncode

    @property
    def base(self) -> dict[str, str]:
        """A path with `pilotage` on it, as this checkout has it."""
        program = self.scratch / "bin" / "pilotage"
        if not program.exists():
            program.parent.mkdir(parents=True)
            program.write_text(f'#!/bin/sh\nexec {sys.executable} -m pilotage.cli.main "$@"\n')
            program.chmod(0o755)
        return {
            "PATH": f"{program.parent}:{os.environ['PATH']}", "HOME": str(self.scratch), "LANG": "C.UTF-8",
            "PYTHONPATH": os.environ.get("PYTHONPATH", f"{ROOT}/src:{ROOT}"),
        }  # fmt: skip


# ── GitHub ─────────────────────────────────────────────────────────────────────────────────────────────────


def run_action(job: Job, inputs: Mapping[str, str], *, only: str = "") -> dict[str, str]:
    """Run `ci/github/action.yml`; returns its outputs. only: the name of one step."""
    action = yaml.safe_load((ROOT / "ci/github/action.yml").read_text())
    given = {name: str(spec.get("default", "")) for name, spec in action["inputs"].items()} | dict(inputs)
    context: dict[str, Any] = {
        "github": {"token": job.variables.get("THE_TOKEN", ""), "triggering_actor": "ada"},
        "inputs": given, "env": dict(job.variables), "steps": {},
    }  # fmt: skip
    given["token"] = _filled(given["token"], context, job)
    for step in action["runs"]["steps"]:
        condition = step.get("if", "")
        wanted = _true(_value(condition, context, job)) if condition else True
        if (only and step["name"] != only) or not wanted or (job.failed and "always()" not in condition):
            continue
        output = job.scratch / "output"
        output.write_text("")
        extra = {name: _filled(str(value), context, job) for name, value in step.get("env", {}).items()}
        cwd = job.folder / _filled(step.get("working-directory", "."), context, job)
        status = job.shell(step["run"], {**extra, "GITHUB_OUTPUT": str(output)}, cwd)
        lines = [line.partition("=") for line in output.read_text().splitlines()]
        job.outputs[step.get("id", step["name"])] = {name: value for name, _, value in lines}
        if status and not job.failed:
            job.failed, job.status = True, status
    return {name: _filled(one["value"], context, job) for name, one in action["outputs"].items()}


def _filled(text: str, context: Mapping[str, Any], job: Job) -> str:
    return re.sub(r"\$\{\{(.*?)\}\}", lambda found: str(_value(found[1], context, job)), text)


def _true(value: object) -> bool:
    return bool(value)


def _value(expression: str, context: Mapping[str, Any], job: Job) -> Any:
    tokens = _TOKENS.findall(expression)

    def either() -> Any:
        value = both()
        while tokens and tokens[0] == "||":
            tokens.pop(0)
            other = both()
            value = value or other
        return value

    def both() -> Any:
        value = same()
        while tokens and tokens[0] == "&&":
            tokens.pop(0)
            other = same()
            value = value and other
        return value

    def same() -> Any:
        value = one()
        if tokens and tokens[0] == "==":
            tokens.pop(0)
            return value == one()
        return value

    def one() -> Any:
        word = tokens.pop(0)
        if word.startswith("'"):
            return word[1:-1]
        if tokens and tokens[0] == "(":
            tokens.pop(0)
            arguments = []
            while tokens[0] != ")":
                arguments.append(either())
                if tokens[0] == ",":
                    tokens.pop(0)
            tokens.pop(0)
            return True if word == "always" else arguments[0].format(*arguments[1:])
        return looked_up(word)

    def looked_up(word: str) -> Any:
        kind, _, rest = word.partition(".")
        if kind == "steps":
            step, name = rest.split(".outputs.")
            return job.outputs.get(step, {}).get(name, "")
        return context[kind].get(rest, "")

    return either()


# ── GitLab ─────────────────────────────────────────────────────────────────────────────────────────────────


def component_jobs(inputs: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The jobs of `ci/gitlab/templates/pilotage/template.yml` with these inputs, `extends` resolved."""
    spec, jobs = yaml.safe_load_all((ROOT / "ci/gitlab/templates/pilotage/template.yml").read_text())
    known = spec["spec"]["inputs"]
    assert set(inputs) <= set(known), inputs
    given = {name: one.get("default") for name, one in known.items()} | dict(inputs)
    filled = {_put_in(name, given): _put_in(job, given) for name, job in jobs.items()}
    made = {}
    for name, job in filled.items():
        above = filled.get(job.get("extends", ""), {})
        variables = {**above.get("variables", {}), **job.get("variables", {})}
        made[name] = {**above, **job, "variables": variables}
    return {name: job for name, job in made.items() if not name.startswith(".")}


def _put_in(node: Any, given: Mapping[str, Any]) -> Any:
    if isinstance(node, dict):
        return {key: _put_in(value, given) for key, value in node.items()}
    if isinstance(node, list):
        return [_put_in(one, given) for one in node]
    if not isinstance(node, str):
        return node
    if whole := re.fullmatch(r"\$\[\[ inputs\.([\w-]+) \]\]", node):
        return given[whole[1]]
    return re.sub(r"\$\[\[ inputs\.([\w-]+) \]\]", lambda found: str(given[found[1]]), node)


def run_component(job: Job, inputs: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Run one job of the component; returns its definition."""
    found = component_jobs(inputs)[name]
    extra = {key: _expanded(str(value), job.variables) for key, value in found["variables"].items()}
    job.status = job.shell("\n".join(found["script"]), extra, job.folder)
    job.failed = bool(job.status)
    return found


def _expanded(text: str, variables: Mapping[str, str]) -> str:
    return re.sub(r"\$(\w+)|\$\{(\w+)\}", lambda found: variables.get(found[1] or found[2], ""), text)
