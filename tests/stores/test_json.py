"""What `--json` prints says one thing with one word: ISO 8601, percent, `desired` and `actual`, and fits its schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from click.testing import CliRunner

from pilotage.cli.main import cli
from pilotage.model import output
from pilotage.model.event_names import RENAMED_EVENTS, data_today
from pilotage.model.json import find, object_at

from ..unit.config.test_config import GOOD
from .test_stores import STORES, ids, named, unpack

OLD_WORDS = {
    "old", "new", "at", "routed", "wanted", "weight", "share", "pace", "glass", "look", "looks", "told", "because",
    "preserved", "standing", "proofs", "whole", "whom", "until", "release", "public",
}  # fmt: skip
"""Names of fields that people had to translate."""

MEANT = {("followups", "release")}
"""A version."""

TIMES = re.compile(r"(_at|timestamp)$")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def walked(found: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, found
    for name, part in found.items() if isinstance(found, dict) else ():
        yield from walked(part, (*path, name))
    for part in found if isinstance(found, list) else ():
        yield from walked(part, path)


def faults(found: Any) -> list[str]:
    """Each as a sentence."""
    said = []
    for path, value in walked(found):
        name = path[-1] if path else ""
        if name in OLD_WORDS and path[-2:] not in MEANT:
            said.append(f"{'.'.join(path)}: an old word")
        if isinstance(value, int | float) and value > 1e9:
            said.append(f"{'.'.join(path)}: {value} is a time in Unix seconds")
        if TIMES.search(name) and value is not None and not MOMENT.fullmatch(str(value)):
            said.append(f"{'.'.join(path)}: {value!r} is no time with a zone")
        if "weight_percent" in path and isinstance(value, int | float) and not 0 <= value <= 100:
            said.append(f"{'.'.join(path)}: {value} is no percentage")
        if name == "type" and value in RENAMED_EVENTS:
            said.append(f"{'.'.join(path)}: {value} is an old type")
    return said


@pytest.mark.parametrize(
    "path", [STORES[0], *(pytest.param(path, marks=pytest.mark.long) for path in STORES[1:])], ids=named
)
def test_what_is_printed_of_finished_rollouts_has_no_old_word_and_fits_its_schema(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pilotage.yaml").write_text(GOOD)
    known = ids(unpack(path, tmp_path / ".pilotage"))
    shapes = output.outputs()

    def said(shape: str, *arguments: str) -> None:
        result = CliRunner().invoke(cli, [*arguments, "--json"])
        assert result.exit_code in (0, 3, 9), (arguments, result.output, result.exception)
        lines = result.stdout.splitlines() if shape.startswith("events") else [result.stdout]
        assert lines
        for line in lines:
            assert not faults(json.loads(line)), arguments
            msgspec.json.decode(line, type=shapes[shape])
            validator_of(shapes[shape]).validate(json.loads(line))

    said("status", "status")
    said("history", "history")
    for version in ("1.0", "2.0", "3.0"):
        said("events, deploy, watch: each line", "events", known[version])
        said("explain", "explain", known[version])
    said("notify list", "notify", "list")
    said("followup list", "followup", "list", "--all")
    said("announce list", "announce", "list", "3.0")
    said("ready", "ready", "4.0")
    said("doctor", "doctor")
    said("key show", "key", "show")
    plan = CliRunner().invoke(cli, ["plan", "make", "4.0", "--json"])
    assert not faults(json.loads(plan.stdout))
    (tmp_path / "past.csv").write_text("time,canary_bad,canary_total,stable_bad,stable_total\n0,1,10,1,10\n9,1,9,1,9\n")
    said("judge", "judge", "--replay", "past.csv")
    for arguments in (
        ["adapters", "--json"], ["docs", "environments.router", "--json"], ["docs", "errors", "--json"],
        ["incident", known["2.0"], "--format", "json"], ["dora", "--format", "json"],
        ["report", "--format", "json"], ["retro", "--format", "json"],
    ):  # fmt: skip
        found = CliRunner().invoke(cli, arguments)
        assert not faults(json.loads(found.stdout)), arguments
    said("plan --why", "plan", "make", "4.0", "--why", "canary.weights")
    said("plan --what-if, plan diff", "plan", "diff", known["1.0"], known["2.0"])
    said("plan retarget", "plan", "retarget", known["3.0"], "--date", "2030-01-01")


@pytest.mark.parametrize("path", STORES, ids=named)
def test_events_of_any_version_fit_the_schema_of_events(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pilotage.yaml").write_text(GOOD)
    events = checked(json.loads(CliRunner().invoke(cli, ["schema", "events"]).stdout))
    for rollout in ids(unpack(path, tmp_path / ".pilotage")).values():
        for row in CliRunner().invoke(cli, ["events", rollout, "--json"]).stdout.splitlines():
            events.validate(json.loads(row))


@cache
def validator_of(shape: type) -> Any:
    whole = _whole()
    return whole.evolve(schema={"$ref": f"#/$defs/{shape.__name__}", "$defs": whole.schema["$defs"]})


@cache
def _whole() -> Any:
    """Checking the schema of all shapes takes longer than what it is for: once is enough."""
    return checked({"$defs": output.schemas()["$defs"]})


def checked(schema: dict[str, Any]) -> Any:
    """The validator of a schema that is one."""
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)


def test_every_shape_speaks_the_same_words() -> None:
    for name, shape in object_at(output.schemas(), "$defs").items():
        wrong = set(object_at(shape, "properties") if find(shape, "properties") else ()) & OLD_WORDS
        assert {(name, one) for one in wrong} <= {("FollowUpOutput", "release")}


def test_words_of_events_are_todays_too_and_names_of_metrics_stay() -> None:
    held = (
        data_today("hold-started", {"cause": "gate"}),
        data_today("hold-ended", {"earlier_causes": ["past", "alert"]}),
    )
    assert held == ({"cause": "approval"}, {"earlier_causes": ["regression", "alert"]})
    assert data_today("rollback-started", {"cause": "gate"}) == {"cause": "gate"}
