"""Two plans side by side: `plan diff`, `plan --what-if`, `plan retarget`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pilotage.model.plan import Plan
from pilotage.plan.difference import Change, difference, told_again

if TYPE_CHECKING:
    from pilotage.app.plan import Wish
    from pilotage.cli.project import Project


def read_plan(project: Project, named: str) -> Plan:
    """The plan in a JSON file, on standard input (`-`), or of a rollout. Raises UsageError."""
    path = Path(named)
    if named != "-" and not path.is_file():
        try:
            return project.store.get(named).plan
        except KeyError:
            raise click.UsageError(
                f"{named!r} is neither a file nor a rollout; `pilotage history` lists them"
            ) from None
    try:
        return Plan.from_dict(json.loads(sys.stdin.read() if named == "-" else path.read_text(encoding="utf-8")))
    except (ValueError, AttributeError, KeyError, TypeError, OSError, RecursionError) as error:
        raise click.UsageError(f"{named}: {error}; `pilotage plan VERSION --json` writes one") from None


def show_changes(changes: tuple[Change, ...], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"schema": 1, "changes": [asdict(c) for c in changes]}, ensure_ascii=False, indent=2))
    elif not changes:
        click.echo("no difference")
    else:
        from pilotage.cli.edge import console
        from pilotage.cli.plan_view import changes_view

        console().print(changes_view(changes))


def show_what_if(
    project: Project, environment: str, wish: Wish, made: Plan, given: tuple[str, ...], as_json: bool, detailed: bool
) -> int:
    """What other answers would change, as `question=answer`; several stakeholders with commas."""
    from pilotage.app.plan import plan_for

    changes: dict[str, str | tuple[str, ...]] = {}
    for pair in given:
        name, equals, answer = pair.partition("=")
        if not equals or not answer:
            raise click.UsageError(f"--what-if {pair}: write QUESTION=ANSWER, such as risk_tolerance=low")
        several = tuple(word.strip() for word in answer.split(","))
        changes[name] = several if name == "stakeholders" else answer
    found = difference(made, plan_for(project.loaded, environment, replace(wish, changes=changes)))
    show_changes(found, as_json)
    return 10 if found and detailed else 0


def show_retarget(project: Project, source: str, wished: dict[str, Any], as_json: bool) -> Plan:
    """The plan moved to another date, with its own answers; prints what moves and who must be told again."""
    from pilotage.app.plan import plan_for
    from pilotage.cli.planning import wish_of

    before = read_plan(project, source)
    project.environment(before.environment)
    wish = wish_of(project, before.version, **wished)
    answers = before.to_dict()["answers"]
    done = wish.done or tuple(phase.id for phase in before.timeline.phases if phase.done)
    after = plan_for(
        project.loaded, before.environment, replace(wish, changes=answers, done=done, risk=wish.risk or before.risk)
    )
    changes, again = difference(before, after), told_again(before, after, wish.today) if wish.today else ()
    if as_json:
        answer = {"schema": 1, "changes": [asdict(c) for c in changes], "tell_again": [asdict(r) for r in again]}
        click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
        return after
    show_changes(changes, as_json=False)
    click.echo("\nMust be told again:" if again else "\nNobody was told the old date yet.")
    for retold in again:
        click.echo(f"  {retold.audience}, by the {retold.owner}: {'; '.join(retold.told_by)}")
    return after
