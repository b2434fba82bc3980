"""The documentation site: its reference is the code's, each page is in the navigation, every link leads somewhere.

`dev.py test` also builds the site strictly; these tests find what the build lets through, and need no builder.
"""

from __future__ import annotations

import importlib
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from pilotage.app.reference import EXIT_STATUSES, VARIABLES, errors
from pilotage.cli.main import cli
from pilotage.plan.numbers import PATHS
from pilotage.plan.toggle_stages import STAGES

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
SITE: dict[str, Any] = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]
OURS = {
    "PILOTAGE_PROCESS", "PILOTAGE_PROCESS_FACTS", "PILOTAGE_PULSE", "PILOTAGE_CHECK_ENVIRONMENT_", "PILOTAGE_FAILPOINT",
    "PILOTAGE_STAGE_ENVIRONMENT", "PILOTAGE_ASKED_FD", "PILOTAGE_ASKED_FILES",
}  # fmt: skip
"""Variables by which Pilotage marks and tells its own processes."""


@pytest.fixture(scope="module")
def generated() -> Mapping[str, Callable[[], str]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS))
        pages: Mapping[str, Callable[[], str]] = importlib.import_module("reference").PAGES
        return pages


def test_pages_that_come_from_the_code_are_not_stale(generated: Mapping[str, Callable[[], str]]) -> None:
    """After a change of a setting, option, event, error, adapter or decision, run python docs/reference.py."""
    stale = [name for name, page in generated.items() if (DOCS / name).read_text() != page()]
    assert stale == [], "run python docs/reference.py"


def test_the_navigation_has_every_page_once() -> None:
    listed = list(_listed(SITE["nav"]))
    decisions = {f"decisions/{path.name}" for path in (DOCS / "decisions").glob("[0-9]*.md")}
    assert len(set(listed)) == len(listed)
    assert set(listed) == {str(path.relative_to(DOCS)) for path in PAGES} - decisions
    index = (DOCS / "decisions/index.md").read_text()
    assert [name for name in decisions if f"({name.removeprefix('decisions/')})" not in index] == []


def _listed(nav: list[dict[str, Any]]) -> Iterator[str]:
    for entry in nav:
        for value in entry.values():
            yield from _listed(value) if isinstance(value, list) else [value]


@pytest.mark.parametrize(
    "page",
    [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *PAGES],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_links_of_a_page_lead_to_a_page_and_a_heading(page: Path) -> None:
    """Within docs/, so that they work on the site as in the repository. Links to other sites are only looked at."""
    text = _prose(page.read_text())
    broken = []
    for target in [*re.findall(r"\]\(([^)\s]+)\)", text), *re.findall(r'(?:src|href)="([^"]+)"', text)]:
        parts = urlsplit(target)
        if parts.scheme:
            if parts.scheme != "https" or "." not in parts.netloc:
                broken.append(target)
            continue
        path = (page.parent / parts.path).resolve() if parts.path else page
        inside = DOCS in path.parents or page.parent == ROOT
        if not path.exists() or not inside or (parts.fragment and parts.fragment not in _anchors(path)):
            broken.append(target)
    assert broken == []


def _prose(text: str) -> str:
    """Without code, in which a bracket is no link."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))


@cache
def _anchors(page: Path) -> set[str]:
    """Of its headings, as long as the site and the code host make the same of them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    found = set()
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        words = (
            re.sub(r"[^\w\s-]", "", re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", heading).replace("`", "")).strip().lower()
        )
        anchor = re.sub(r"\s", "-", words)
        if anchor == re.sub(r"[-\s]+", "-", words):
            found.add(anchor)
    return found


def test_exit_statuses_are_those_of_errors_and_of_the_help() -> None:
    """R1: a script can tell from the reference what each status means."""
    assert {one.exit_status for one in errors()} <= set(EXIT_STATUSES)
    told = {int(number) for number in re.findall(r"(?:^|\s{2})(\d+)  ?\w", cli.help or "", re.MULTILINE)}
    assert told == set(EXIT_STATUSES)


def test_environment_variables_are_those_the_code_names() -> None:
    source = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    assert set(re.findall(r'"(PILOTAGE_[A-Z_]+)"', source)) - OURS == set(VARIABLES)


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/explanation/architecture.md"])
def test_files_that_a_page_names_exist(page: str) -> None:
    """A newcomer finds them by the names that these pages give."""
    files = [f"/{path.relative_to(ROOT)}" for path in ROOT.rglob("*.py") if ".venv" not in path.parts]
    named = set(re.findall(r"`([\w./-]+\.py)`", (ROOT / page).read_text()))
    assert named
    assert [name for name in named if not any(file.endswith(f"/{name}") for file in files)] == []


@pytest.mark.parametrize("page", [p for p in PAGES if p.parent.name in ("start", "guides", "explanation", "operate")],
                         ids=lambda page: page.name)  # fmt: skip
def test_settings_that_a_page_names_exist(page: Path) -> None:
    """`canary.weights`, `router.listen` and the like: a setting that was renamed is renamed in every page."""
    known = _settings_of_the_file() | {*PATHS, STAGES}
    groups = {name.partition(".")[0] for name in known if "." in name}
    named = set(re.findall(r"`([a-z_]+\.[a-z_0-9]+)[`:]", page.read_text()))
    assert [name for name in named if name.partition(".")[0] in groups and name not in known] == []


@cache
def _settings_of_the_file() -> set[str]:
    """`fleet.count`: each setting of `pilotage.yaml` with the last part of its section, as pages write it."""
    found, section = set[str](), ""
    for line in (DOCS / "reference/pilotage-yaml.md").read_text().splitlines():
        if heading := re.match(r"##+ ([a-z_.]+)", line):
            section = heading[1].rpartition(".")[2]
            found.add(heading[1].removeprefix("environments."))
        elif setting := re.match(r"\| `(\w+)`", line):
            found.add(f"{section}.{setting[1]}")
    return found
