"""`validate` finds everything at once, with line and column, in words of the trade and none of a library's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.typed import typed
from tests.unit.config.test_config import GOOD

NAMES = """\
calendar:
  holidays: [XX, DE-BYY, DE, germany]
readiness:
  environments: [prodution]
  staging: stagging
  not_for_us: {production_approval: nobody approves, unit_test_coverag: none}
  waivers: {never: [security_scan_passing, nope]}
  evidence: {lint: {findings: [lint.sarif]}}
"""


def test_names_that_stand_for_nothing_are_found_with_their_places_beside_errors_of_form(tmp_path: Path) -> None:
    good = GOOD.replace("canary.phase_duration: 30m", "canary.phase_duration: 10 m")
    (tmp_path / "pilotage.yaml").write_text(good.replace("count: 4", "count: 0") + NAMES)
    said = typed("validate", cwd=tmp_path).stderr
    places = re.findall(r"^pilotage\.yaml:(\d+:\d+): ([\w.\[\]-]+): ", said, re.MULTILINE)
    assert places == [
        ("14:14", "environments.production.fleet.count"),
        ("18:30", "environments.production.overrides.canary.phase_duration"),
        ("20:14", "calendar.holidays[0]"),
        ("20:18", "calendar.holidays[1]"),
        ("20:30", "calendar.holidays[3]"),
        ("22:18", "readiness.environments[0]"),
        ("23:12", "readiness.staging"),
        ("24:16", "readiness.not_for_us.production_approval"),
        ("24:54", "readiness.not_for_us.unit_test_coverag"),
        ("25:44", "readiness.waivers.never[1]"),
        ("26:14", "readiness.evidence.lint"),
    ]
    assert "did you mean unit_test_coverage?" in said
    assert "'XX' is not a country or region with known holidays" in said


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("count: 4", "count: 0", "0 must be at least 1"),
        ("count: 4", "count: 1001", "1001 must be at most 1000"),
        ('[python, -m, shop, --port, "{port}", --release, "{version}"]', "[]", "command: must not be empty"),
        ("cookie: session", 'cookie: "a b"', "'a b' is not a name of a cookie"),
        ("count: 4", "count: 4\n      stop_timeout: ~", "null is not a duration such as 30s"),
        ("count: 4", "count: 4\n      stop_timeout: {a: 1s}", '{"a": "1s"} is not a duration such as 30s'),
        ("count: 4", "count: 4\n      stop_timeout: [1s]", "is not a duration such as 30s"),
        ("count: 4", f"count: 4\n      stop_timeout: {'1' * 3000}x", f"'{'1' * 56}... is not a duration such as 30s"),
        ("service: shop", "service: Shop 1", "'Shop 1' is not a name of a-z, 0-9 and -"),
    ],
)
def test_no_word_of_a_library_reaches_the_reader(tmp_path: Path, before: str, after: str, said: str) -> None:
    assert before in GOOD
    (tmp_path / "pilotage.yaml").write_text(GOOD.replace(before, after))
    told = typed("validate", cwd=tmp_path).stderr
    assert said in told
    assert not re.search(r"should (have|be)|does not look like|\^|\\S|validation", told)


def test_every_form_of_a_text_has_words() -> None:
    """A pattern in a model without words would be shown as a regular expression."""
    from pilotage.config.forms import FORMS

    source = Path(__file__).parents[3] / "src" / "pilotage"
    written = [
        re.sub(r"^\^|\$$", "", pattern)
        for folder in ("config", "adapters")
        for file in sorted((source / folder).rglob("*.py"))
        for pattern in re.findall(r'pattern=r"([^"]+)"', file.read_text())
    ]
    assert [one for one in written if one not in FORMS and not one.startswith("secret://")] == []


def test_a_file_without_an_end_is_refused_and_not_read_to_it(tmp_path: Path) -> None:
    said = typed("--config", "/dev/zero", "validate", cwd=tmp_path)
    assert (said.returncode, said.stderr.splitlines()[-1]) == (
        2,
        "/dev/zero:1:1: the file has more than 1,000,000 bytes, which is the most",
    )
