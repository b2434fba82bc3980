"""Makes every page that comes from the code: `python docs/reference.py`. A test fails while a page is stale."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import api_page
import cli_page
import events_page
import front_page
import json_page
import rules_page
import yaml_page

from pilotage.app.adapters import in_words, installed
from pilotage.app.plan_settings import PlanSetting, plan_settings
from pilotage.app.reference import EXIT_STATUSES, VARIABLES, errors
from pilotage.model.capabilities import Port

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

Every setting of a plan, with its default for each risk tolerance. A group named after a strategy exists only in plans
of that strategy. `pilotage docs NAME` explains a setting, `pilotage plan VERSION --section settings` shows the values
for your answers, and `--why NAME` says where a value comes from.

To change a value, name it under `overrides` of an environment:

```yaml
overrides:
  canary.phase_duration: 30m
  canary.weights: [1%, 10%, 50%, 100%]
```
"""


def settings_page() -> str:
    parts, groups = [_SETTINGS], dict[str, list[PlanSetting]]()
    every = plan_settings()
    for one in every:
        groups.setdefault(_group(one), []).append(one)
    for group, members in groups.items():
        cells = (
            (f"`{one.name}`{_strategy(one, every)}", one.takes, _defaults(one), one.description) for one in members
        )
        parts += [f"## {group}\n", table(("setting", "takes", "default", "meaning"), cells)]
    return "\n".join(parts)


def _group(one: PlanSetting) -> str:
    """`rollback_auto` has a name of its own and stands among the others about rollbacks."""
    first, dot, _ = one.name.partition(".")
    return first if dot else first.partition("_")[0]


def _strategy(one: PlanSetting, every: Sequence[PlanSetting]) -> str:
    twice = sum(other.name == one.name for other in every) > 1
    return f" ({one.strategy})" if twice and one.strategy else ""


def _defaults(one: PlanSetting) -> str:
    return (
        f"`{one.default}`" if one.default else ", ".join(f"{name}: `{value}`" for name, value in one.defaults.items())
    )


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

_ASIDE = """In a job of a pipeline, [`pilotage ci`](../ci.md) and `deploy` also read the variables that GitHub's runner
(`GITHUB_*`) and GitLab's (`CI_*`) set, and the token in `GITHUB_TOKEN` or `GITLAB_TOKEN`.

A secret in `pilotage.yaml` is a reference: `secret://env/NAME` reads the variable `NAME` of the worker.
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
    "reference/api.md": api_page.page,
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
