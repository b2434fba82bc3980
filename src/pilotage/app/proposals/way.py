"""The way of a release that a folder's files suggest, as lines of `pilotage.yaml`.

CI stays where it is: where the folder has workflows of GitHub or GitLab, their word is awaited. Otherwise the folder's
own test command is run. What is found is written as a setting, everything else as a commented example.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pilotage.app.proposals.found import text_of
from pilotage.app.proposals.images import document
from pilotage.model.json import Json, find

_REMOTE = re.compile(r"(?:^|[/@.])(github|gitlab)\.com[:/]([\w.-]{1,100}(?:/[\w.-]{1,100}){1,6})/?$")
_ON_COMMIT = re.compile(r"\b(push|pull_request)\b")
_TARGET = re.compile(r"^(test|check):", re.MULTILINE)
_BUILD_TARGET = re.compile(r"^(build|dist|package):", re.MULTILINE)
_MOST_WORKFLOWS = 20
_UNTOLD = 'echo "Error: no test specified" && exit 1'
"""What npm writes for a package that has no tests."""


@dataclass(frozen=True, kw_only=True)
class _Stage:
    """lines: of its YAML, after its name · source: the file that suggests it."""

    name: str
    lines: tuple[str, ...]
    source: str


def way_in(folder: Path) -> str:
    """The lines of the section `way`."""
    first = next(_first_stages(folder), None)
    if first is None:
        return "\n".join((
            "# The stages of a release before its users. `pilotage way start VERSION` sends a version along them.",
            "# way:",
            "#   stages:",
            "#     - {name: test, run: [make, test]}",
            "#     - {name: production, environment: production}",
        )) + "\n"  # fmt: skip
    return "\n".join((
        "# The stages of a release before its users. `pilotage way start VERSION` sends a version along them.",
        "way:",
        "  stages:",
        f"    - name: {first.name}   # {first.source}",
        *(f"      {line}" for line in first.lines),
        f"    # - {{name: build, {_build(folder)}}}   # {{artifact}} in fleet.command",
        "    - name: production",
        "      environment: production",
    )) + "\n"  # fmt: skip


def _first_stages(folder: Path) -> Iterator[_Stage]:
    """The stages that may come first, the best one first."""
    yield from _github(folder)
    yield from _gitlab(folder)
    yield from _local(folder)


def _github(folder: Path) -> Iterator[_Stage]:
    repository = _remote(folder, "github")
    places = sorted((folder / ".github/workflows").glob("*.y*ml"))[:_MOST_WORKFLOWS]
    if len(repository.split("/")) != 2 or not places:
        return
    named = [name for place in places for name in _checks(text_of(place.parent, place.name)[0])]
    checks = f", checks: {json.dumps(sorted(set(named)), ensure_ascii=False)}" if named and None not in named else ""
    awaited = f"await: {{kind: github, repository: {json.dumps(repository)}, app: github-actions{checks}}}"
    yield _Stage(name="ci", lines=(awaited,), source=", ".join(f".github/workflows/{place.name}" for place in places))


def _checks(workflow: str) -> Iterator[str | None]:
    """The names of a workflow's check runs for a pushed commit; None for a job whose checks have other names: one of
    each row of a matrix, or those of a workflow elsewhere."""
    begins, _, _ = workflow.partition("\njobs:")
    # YAML 1.1 reads the key `on` as true.
    jobs = find(document(re.sub(r"(?m)^on:", '"on":', workflow)), "jobs")
    if not _ON_COMMIT.search(begins) or not isinstance(jobs, Mapping):
        return
    for key, job in jobs.items():
        plain = find(job, "strategy", "matrix") is None and find(job, "uses") is None and find(job, "if") is None
        name = find(job, "name") or key
        yield name if plain and isinstance(name, str) and "${{" not in name else None


def _gitlab(folder: Path) -> Iterator[_Stage]:
    project = _remote(folder, "gitlab")
    if project and (folder / ".gitlab-ci.yml").is_file():
        awaited = f"await: {{kind: gitlab, project: {json.dumps(project)}}}"
        yield _Stage(name="ci", lines=(awaited,), source=".gitlab-ci.yml")


def _local(folder: Path) -> Iterator[_Stage]:
    for source, command in (("tox.ini", "tox"), ("tox.toml", "tox"), ("noxfile.py", "nox")):
        if (folder / source).is_file():
            yield _test(source, [[command]])
    if "[tool.tox" in text_of(folder, "pyproject.toml")[0]:
        yield _test("pyproject.toml", [["tox"]])
    if found := _TARGET.search(text_of(folder, "Makefile")[0]):
        yield _test("Makefile", [["make", found[1]]])
    script = find(_json(text_of(folder, "package.json")[0]), "scripts", "test")
    if isinstance(script, str) and script and script != _UNTOLD:
        install = ["npm", "ci"] if (folder / "package-lock.json").is_file() else ["npm", "install"]
        yield _test("package.json", [install, ["npm", "test"]])
    for source, words in (("go.mod", ["go", "test", "./..."]), ("Cargo.toml", ["cargo", "test"])):
        if (folder / source).is_file():
            yield _test(source, [words])
    if "pytest" in text_of(folder, "pyproject.toml")[0]:
        yield _test("pyproject.toml", [["python3", "-m", "pytest"]])


def _build(folder: Path) -> str:
    """How the folder is built, as the settings of a stage."""
    if found := _BUILD_TARGET.search(text_of(folder, "Makefile")[0]):
        return f"run: [make, {found[1]}], artifacts: [dist/*]"
    if isinstance(find(_json(text_of(folder, "package.json")[0]), "scripts", "build"), str):
        return "run: [npm, run, build], artifacts: [dist/*]"
    if (folder / "go.mod").is_file():
        return "run: [go, build, -o, dist/, ./...], artifacts: [dist/*]"
    if (folder / "Cargo.toml").is_file():
        return "run: [cargo, build, --release], artifacts: [target/release/*]"
    return "run: [make, dist], artifacts: [dist/*]"


def _test(source: str, commands: list[list[str]]) -> _Stage:
    shown = json.dumps(commands[0] if len(commands) == 1 else commands)
    return _Stage(name="test", lines=(f"run: {shown}", "repeatable: true"), source=source)


def _remote(folder: Path, host: str) -> str:
    """The repository at a code host from which the folder was cloned; empty if it is none."""
    for line in text_of(folder, ".git/config")[0].splitlines():
        key, _, address = line.partition("=")
        found = _REMOTE.search(address.strip()) if key.strip() == "url" else None
        if found and found[1] == host:
            return found[2].removesuffix(".git")
    return ""


def _json(text: str) -> Json:
    try:
        found: Json = json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
    return found
