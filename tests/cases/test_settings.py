"""Settings and versions as people write them, and what they are told (R2)."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilotage.adapters.fence import Fence
from pilotage.adapters.flags.flagd_file import FlagdFile
from pilotage.adapters.ports import AdapterError
from pilotage.app.plan import PlanRequest, plan_for
from pilotage.config.loading import load
from pilotage.config.yaml_reader import ConfigError, read
from pilotage.model.flag import OFF
from pilotage.model.version import BadVersionName, check_version
from tests.typed import typed
from tests.unit.config.test_config import GOOD


@pytest.mark.parametrize("name", ["../x", "a/b", "'; rm", "a b", "", "-1", "2.4.0\n", "v" * 200, "latest", "HEAD", "ü"])
def test_what_is_no_version_is_refused_before_anything_is_planned(tmp_path: Path, name: str) -> None:
    (tmp_path / "pilotage.yaml").write_text(GOOD)
    with pytest.raises(BadVersionName):
        plan_for(load(tmp_path / "pilotage.yaml"), "production", PlanRequest(name))


@pytest.mark.parametrize(
    "name",
    ["2.4.0", "v2.4.0-rc.1+build.5", "2024.01.02", "3f2a91c", "1:2"[:1], "release_7", "1.0~beta1", "20261126T0712Z"],
)
def test_names_of_versions_that_teams_use_are_taken(name: str) -> None:
    check_version(name)


def test_overrides_nested_by_section_are_told_how_to_be_written(tmp_path: Path) -> None:
    """One sentence, and no words of the machine (`.bool`, `.int`, `.float`)."""
    text = GOOD.replace("overrides:", "overrides:\n      canary: {weights: [5%, 100%]}", 1)
    assert text != GOOD
    (tmp_path / "pilotage.yaml").write_text(text)
    with pytest.raises(ConfigError) as error:
        load(tmp_path / "pilotage.yaml")
    assert 'is no number of the plan: write canary.weights: ["5%", "100%"] instead' in str(error.value)
    assert str(error.value).count("pilotage.yaml:") == 1


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("service: shop", "service: My Shop", "service: 'My Shop' is not a name of a-z, 0-9 and -, such as shop"),
        ("health_check_path: /healthz", "health_check_path: healthz", "health_check_path: "),
        ("  production:", "  Production:", "'Production' is not a name of a-z, 0-9 and -"),
    ],
)
def test_what_a_setting_looks_like_is_said_in_words(tmp_path: Path, key: str, value: str, words: str) -> None:
    """No regular expression is shown to a reader who only wrote a capital letter."""
    assert key in GOOD
    (tmp_path / "pilotage.yaml").write_text(GOOD.replace(key, value))
    said = typed("validate", cwd=tmp_path)
    assert (said.returncode, words in said.stderr) == (2, True), said.stderr
    assert not {"[A-Z", "[a-z", "{0,", "\\S"} & {mark for mark in ("[A-Z", "[a-z", "{0,", "\\S") if mark in said.stderr}


def test_every_wrong_setting_is_named_at_once_under_overrides_too(tmp_path: Path) -> None:
    """micrometer-metrics/micrometer#7287, #7286: durations as other tools write them, each with its line and column."""
    wrong = ["10 m", "1w", "10sec", "PT10M", "2 minutes", "01:30", "24H", "٣m"]
    names = [f"canary.{name}_duration" for name in ("phase", "bake", "drain", "mirror")]
    names += ["canary.health_check_timeout", "hold.timeout", "pause.timeout", "rollback.window"]
    lines = [f"      {name}: {text}" for name, text in zip(names, wrong, strict=True)]
    kept = "\n".join(line for line in GOOD.splitlines() if not any(name in line for name in names))
    text = kept.replace("    overrides:", "\n".join(["    overrides:", *lines]), 1) + "\n"
    (tmp_path / "pilotage.yaml").write_text(text)
    said = typed("validate", cwd=tmp_path)
    assert said.returncode == 2
    first = text.splitlines().index(lines[0]) + 1
    for at, (name, value) in enumerate(zip(names, wrong, strict=True)):
        column = len(f"      {name}: ") + 1
        place = f"pilotage.yaml:{first + at}:{column}: environments.production.overrides.{name}"
        assert f"{place}: {value!r} is not a duration" in said.stderr


@pytest.mark.parametrize("option", ["--limit", "--false-positive-rate"])
@pytest.mark.parametrize("share", ["0.05", "5%"])
def test_a_share_on_the_command_line_is_taken_in_both_forms(tmp_path: Path, option: str, share: str) -> None:
    rows = [f"{15 * n},1,20,1,380" for n in range(40)]
    (tmp_path / "past.csv").write_text("\n".join(["time,canary_bad,canary_total,stable_bad,stable_total", *rows]))
    said = typed("judge", "--replay", "past.csv", option, share, cwd=tmp_path)
    assert (said.returncode, said.stdout.startswith("harm after ")) == (4, True)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'\xef\xbb\xbf{"flags": {}}', ""),
        ('{"flags": {}}'.encode("utf-16"), ""),
        (b"", "cannot be read: Expecting value"),
        (b'{"flags": {} /* none */}', "cannot be read: Expecting ',' delimiter: line 1 column 14"),
    ],
    ids=["with a byte order mark", "what PowerShell writes", "empty", "a comment"],
)
def test_a_file_of_flags_is_read_as_editors_save_it(tmp_path: Path, content: bytes, words: str) -> None:
    """A kill switch that cannot read its file does not turn anything off, so it says why."""
    (tmp_path / "flags.json").write_bytes(content)
    flag = FlagdFile(tmp_path / "flags.json", "checkout", Fence(tmp_path / "fence.json", 1))
    if words:
        with pytest.raises(AdapterError, match=words):
            flag.read()
    else:
        assert flag.read() == OFF


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_a_character_that_ends_a_line_in_one_version_of_yaml_only_is_refused(separator: str) -> None:
    """YAML 1.1 reads two lines, 1.2 one: the same file would say two things."""
    with pytest.raises(ConfigError, match=r"pilotage.yaml:2:4: control character .* is not allowed"):
        read(f"a: 1\nb: {separator}c: 2\n".encode(), "pilotage.yaml")
