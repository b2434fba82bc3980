"""Plans are signed and kept: a plan of any format is read as it was, and no change of their shape goes unnoticed."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pilotage.model.plan import FORMAT, Plan, Setting, Unit
from pilotage.model.plan_formats import NewerPlan, UnreadablePlan, read_plan
from pilotage.model.renamed import SETTINGS
from pilotage.model.rollout import Mode, Observed
from pilotage.plan.reasons import why
from pilotage.plan.rows import ROWS
from pilotage.rollout.machine import begin, decide
from tests.plans import a_plan

EXAMPLES = sorted((Path(__file__).parent / "plans").glob("*.json.gz"))

SHAPES = {
    4: "d2ca1ea988c7f6bc",
    5: "d2ca1ea988c7f6bc",
    6: "919bdbd59ffb49d1",
    7: "fb2b17b5e853836e",
    8: "c42e1785dd4b8868",
    9: "d61a3fbfac6ab6b0",
}
"""Format and fingerprint of each shape of Plan. Where the test below fails: raise FORMAT, teach `plan_formats` the old
one, store an example of the new (`write_plans.py`), and add its fingerprint here. Change no entry of a
format that was released."""


def stored(path: Path) -> list[tuple[str, str]]:
    """Hash and text of each plan of an example."""
    return [(one["hash"], one["text"]) for one in json.loads(gzip.decompress(path.read_bytes()))]


def bare(schema: Any) -> Any:
    """A JSON Schema without what only people read."""
    if isinstance(schema, dict):
        return {key: bare(value) for key, value in schema.items() if key not in ("description", "title")}
    return [bare(item) for item in schema] if isinstance(schema, list) else schema


def shape() -> str:
    """Fingerprint of the fields of a plan. `python -m tests.stores.test_plans` prints it."""
    return hashlib.sha256(json.dumps(bare(msgspec.json.schema(Plan)), sort_keys=True).encode()).hexdigest()[:16]


def test_the_shape_of_a_plan_changes_with_its_format_alone() -> None:
    assert SHAPES.get(FORMAT) == shape()
    kept = {json.loads(text)["format"] for path in EXAMPLES for _, text in stored(path)}
    assert kept == set(range(2, FORMAT + 1)), "an example of each format"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_a_plan_of_any_age_is_read_with_its_own_hash_and_can_be_executed(path: Path) -> None:
    for digest, text in stored(path):
        plan = read_plan(text)
        assert plan.hash == digest
        assert plan.to_json() == text
        there, strategy = {setting.path for setting in plan.settings}, plan.answers.deployment_strategy
        assert {row.path for row in ROWS if row.only in (None, strategy)} <= there | {"prepare.timeout"}
        for mode in (Mode.FULL, Mode.INITIAL, Mode.FAST_RETURN):
            state = begin(plan, None if mode is Mode.INITIAL else "1.0", mode)
            assert decide(plan, state, Observed(None, None), (), 1.0).state.new == "2.0"


def as_written(setting: Setting, unit: str) -> object:
    """The value in a unit of an older format."""
    match setting.value:
        case tuple(weights):
            return [weight * 10 if unit == "per mille" else weight for weight in weights]
        case value:
            return setting.number if unit == "share" else value


def test_shares_of_an_older_plan_are_read_as_percent() -> None:
    """Format 7 had shares between 0 and 1 in settings and alerts; the numbers that are computed with are the same."""
    for path in EXAMPLES:
        for _, text in stored(path):
            plan = read_plan(text)
            setting = plan.setting("rollback_triggers.error_rate")
            assert (setting.unit, setting.value) == (Unit.PERCENT, 5 if setting.source.endswith("(R18)") else 1)
            assert plan.number(setting.path) == float(str(setting.value)) / 100
            (alert,) = (one for one in plan.alerts if one.id == "high_error_rate")
            assert alert.limit == setting.value


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_a_plan_of_any_age_keeps_its_values_under_the_names_of_today(path: Path) -> None:
    for _, text in stored(path):
        plan, written = read_plan(text), json.loads(text)
        for setting in written["settings"]:
            now = plan.setting(SETTINGS.get(setting["path"], setting["path"]))
            assert as_written(now, setting["unit"]) == setting["value"], setting["path"]
        named = {setting.path for setting in plan.settings}
        assert {one.limit_from for one in plan.alerts} | {
            d.setting for step in plan.steps for d in step.derived
        } <= named
        assert why(plan, f"steps[{plan.steps[0].id}].timeout").because


def test_a_plan_made_of_a_stored_one_is_a_new_one() -> None:
    for digest, text in stored(EXAMPLES[0]):
        back = replace(read_plan(text), version="1.0")
        assert back.hash != digest
        assert read_plan(back.to_json()) == back
        assert read_plan(back.to_json()).hash == back.hash


def test_a_key_that_is_not_known_is_left_aside_and_counts_for_the_hash() -> None:
    plan = a_plan(version="2.0")
    text = json.dumps({**plan.to_dict(), "regions": ["eu"]})
    assert read_plan(text) == plan
    assert read_plan(text).hash == hashlib.sha256(text.encode()).hexdigest() != plan.hash


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", '{"format": 1}', '{"format": "x"}', '{"format": 4}', "[" * 100_000, "\0"]
)
def test_what_is_no_plan_is_a_sentence(text: str) -> None:
    with pytest.raises(UnreadablePlan):
        read_plan(text)


def test_a_plan_of_a_newer_version_says_to_upgrade() -> None:
    with pytest.raises(NewerPlan, match="upgrade"):
        read_plan(json.dumps({"format": FORMAT + 1}))


if __name__ == "__main__":
    print(shape())
