"""Every output of `--json` has a class, a schema, and says percent."""

from __future__ import annotations

import re

from pilotage.model import output


def test_each_command_that_prints_json_has_its_class() -> None:
    """A script can validate what it reads: `pilotage schema output` knows all of it."""
    named = " ".join(output.outputs())
    for command in ("risk", "risk train", "analysis import", "adapters", "docs", "docs errors", "report", "dora",
                    "incident", "retro", "notes", "status", "ready", "judge", "drill"):  # fmt: skip
        assert re.search(rf"\b{command}\b", named), command


def test_the_schema_says_percent_and_seconds() -> None:
    defs = output.schemas()["$defs"]
    assert isinstance(defs, dict)
    fields = [name for one in defs.values() for name in one["properties"]]
    assert not [name for name in fields if name in ("share", "probability", "score", "old", "new", "weight", "grain")]
    assert {"probability_percent", "share_percent", "weight_granularity_percent", "interval_seconds"} <= set(fields)
