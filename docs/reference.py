"""Makes every page that comes from the code: `python docs/reference.py`. A test fails while a page is stale."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import cli_page
import events_page
import front_page
import json_page
import rules_page
import yaml_page

from pilotage.app.adapters import in_words, installed
from pilotage.app.reference import EXIT_STATUSES, VARIABLES, errors
from pilotage.model.answers import RiskTolerance
from pilotage.model.capabilities import Port
from pilotage.model.plan import Unit
from pilotage.plan.rows import ROWS, Row
from pilotage.plan.values import show_value

DOCS = Path(__file__).parent


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return (
        "\n".join(
            "| " + " | ".join(" ".join(cell.split()).replace("|", r"\|") for cell in line) + " |" for line in lines
        )
        + "\n"
    )


# ── settings of a plan ─────────────────────────────────────────────────────────────────────────────────────

_SETTINGS = """# Settings of a plan

Every number of a plan, with its default for each risk tolerance. A group named after a strategy exists only in plans of
that strategy. `pilotage plan VERSION --section numbers` shows the values for your answers, and `--why NAME` says where
one comes from.

To change a value, name it under `overrides` of an environment:

```yaml
overrides:
  canary.phase_duration: 30m
  canary.weights: [1%, 10%, 50%, 100%]
```
"""

_TAKES = {
    Unit.SECONDS: "duration",
    Unit.SHARE: "share, such as 0.1%",
    Unit.WEIGHTS: "list of shares that ends at 100%",
    Unit.FACTOR: "number of at least 1",
    Unit.COUNT: "whole number",
    Unit.SWITCH: "true or false",
    Unit.CHOICE: "rollback or pause",
    Unit.NAME: "name, or none",
    Unit.COHORT: "header=value, or none",
    Unit.PORTION: "number of instances, or a share",
}


def settings_page() -> str:
    parts = [_SETTINGS]
    for group, rows in itertools.groupby(sorted(ROWS, key=_place), key=_group):
        cells = (
            (f"`{row.path}`{_strategy(row)}", _TAKES[row.unit], _defaults(row), _sentence(row.why)) for row in rows
        )
        parts += [f"## {group}\n", table(("setting", "takes", "default", "meaning"), cells)]
    return "\n".join(parts)


def _place(row: Row) -> int:
    """The group's first place in the table, so that a group stands together."""
    return list(dict.fromkeys(map(_group, ROWS))).index(_group(row))


def _group(row: Row) -> str:
    """`rollback_auto` has a name of its own and stands among the others about rollbacks."""
    first, dot, _ = row.path.partition(".")
    return first if dot else first.partition("_")[0]


def _strategy(row: Row) -> str:
    twice = sum(one.path == row.path for one in ROWS) > 1
    return f" ({row.only})" if twice and row.only else ""


def _defaults(row: Row) -> str:
    shown = {tolerance: _as_written(row, tolerance) for tolerance in RiskTolerance}
    if not row.varies:
        return f"`{shown[RiskTolerance.LOW]}`"
    return ", ".join(f"{tolerance}: `{value}`" for tolerance, value in shown.items())


def _as_written(row: Row, tolerance: RiskTolerance) -> str:
    """The default as it would stand in `overrides`."""
    value = row.value(tolerance)
    match row.unit:
        case Unit.SWITCH:
            return str(value).lower()
        case Unit.WEIGHTS:
            return f"[{show_value(row.unit, value).replace(' → ', ', ')}]"
        case _:
            return show_value(row.unit, value)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


# ── errors, adapters, variables, decisions ─────────────────────────────────────────────────────────────────

_ERRORS = """# Errors and exit statuses

An error says what happened, where, and what to do. Its code stays the same in later versions, so scripts can rely on
it. `pilotage docs errors` prints this list.

## Exit statuses

"""


def errors_page() -> str:
    statuses = table(("status", "meaning"), ((f"`{status}`", meaning) for status, meaning in EXIT_STATUSES.items()))
    rows = ((f"`{one.code}`", f"`{one.exit_status}`", str(one.http_status), one.meaning) for one in errors())
    listed = table(("code", "exit status", "HTTP status", "meaning"), rows)
    aside = (
        "`events --verify` and `audit verify` exit with 1 when a record was changed, and never for an internal error.\n"
    )
    return "\n".join((_ERRORS + statuses, aside, "## Errors\n", listed))


_ADAPTERS = """# Adapters

An adapter connects Pilotage to one kind of router, fleet, metrics source, flag service or channel. The `kind` of a
section in `pilotage.yaml` selects it. `pilotage adapters` lists what is installed, including adapters of other
packages. To add one, see [write an adapter](../guides/adapters.md).

A plan that needs more than its adapters can do is refused when it is made.
"""

_SECTIONS = {
    Port.FLEET: "environmentsfleet",
    Port.ROUTER: "environmentsrouter",
    Port.METRICS: "environmentsmetrics",
    Port.QUERIES: "environmentsanalysis",
    Port.FLAGS: "environmentsflag",
    Port.NOTIFY: "notify",
}


def adapters_page() -> str:
    ours = [one for one in installed() if one.package == "pilotage"]
    parts = [_ADAPTERS]
    for port in Port:
        rows = ((f"`{one.kind}`", one.summary, in_words(one.capabilities)) for one in ours if one.port == port)
        link = f"[Settings of these kinds](pilotage-yaml.md#{_SECTIONS[port]}).\n"
        parts += [f"## {port}\n", table(("kind", "what it is", "can"), rows), link]
    return "\n".join(parts)


_VARIABLES = """# Environment variables

Variables that Pilotage reads. A command-line option wins over its variable.

"""

_ASIDE = """A secret in `pilotage.yaml` is a reference: `secret://env/NAME` reads the variable `NAME` of the worker.
Programs that Pilotage starts do not inherit its environment. Name
[what they need](../guides/configuration.md#environment-variables).
"""


def variables_page() -> str:
    rows = ((f"`{name}`", meaning) for name, meaning in VARIABLES.items())
    return "\n".join((_VARIABLES + table(("variable", "sets"), rows), _ASIDE))


_DECISIONS = """# Decisions

Why Pilotage works the way it does: one short page for each design choice, with what was rejected. Each is a record of
its day; the [architecture](../explanation/architecture.md) describes what holds now.

"""


def decisions_page() -> str:
    lines = []
    for path in sorted((DOCS / "decisions").glob("[0-9]*.md")):
        title = re.match(r"# (\d+)\. (.+)", path.read_text(encoding="utf-8"))
        assert title, f"{path.name}: the first line is `# NUMBER. Title`"
        lines.append(f"- {title[1]}: [{title[2]}]({path.name})")
    return _DECISIONS + "\n".join(lines) + "\n"


PAGES: Mapping[str, Callable[[], str]] = {
    "index.md": front_page.page,
    "reference/pilotage-yaml.md": yaml_page.page,
    "reference/settings.md": settings_page,
    "reference/cli.md": cli_page.page,
    "reference/events.md": events_page.page,
    "reference/json.md": json_page.page,
    "reference/errors.md": errors_page,
    "reference/adapters.md": adapters_page,
    "reference/variables.md": variables_page,
    "explanation/rules.md": rules_page.page,
    "decisions/index.md": decisions_page,
}


def main() -> None:
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
