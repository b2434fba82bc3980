"""What `pilotage doctor` says of a flag on Unleash."""

from __future__ import annotations

from collections.abc import Iterator

from pilotage.adapters.context import Context
from pilotage.adapters.extras import installing
from pilotage.adapters.flags import unleash_evaluation as evaluation
from pilotage.adapters.flags.unleash_adapter import UnleashSection
from pilotage.adapters.flags.unleash_api import PERMISSIONS, SKIP, UnleashApi
from pilotage.adapters.flags.unleash_strategies import found, owner_of
from pilotage.adapters.ports import AdapterError
from pilotage.model.finding import Finding
from pilotage.model.json import WrongJson

_WHAT = "flag"


def examined(section: UnleashSection, context: Context) -> Iterator[Finding]:
    """Whether the flag can be changed there. Changes nothing."""
    api = UnleashApi(section, context.secrets)
    try:
        state = api.state()
        api.refuse_unfit(state)
        others = found(state.strategies, owner_of(context.service, context.environment)).wrong
        yield (
            Finding(
                "FAIL", _WHAT, f"flag {section.key} in {section.environment} {'; it '.join(others)}: remove it there"
            )
            if others
            else Finding("PASS", _WHAT, f"Unleash has flag {section.key} in {section.environment}")
        )
        yield _permissions(section, api.granted())
        if missing := [name for name in _attributes(section) if not api.knows_field(name)]:
            what = f"Unleash has no context field {', '.join(missing)}: version 6 refuses rules on it; add it there"
            yield Finding("WARN", _WHAT, what)
    except (AdapterError, WrongJson) as error:
        yield Finding("FAIL", _WHAT, str(error))
    if not evaluation.installed():
        without = f"Unleash's evaluation is not checked: {installing('unleash')}"
        yield Finding("WARN", _WHAT, without)


def _permissions(section: UnleashSection, granted: frozenset[str] | None) -> Finding:
    if granted is None:
        return Finding("WARN", _WHAT, f"Unleash does not tell what the token {section.token} may do")
    if lacking := [one for one in PERMISSIONS if one not in granted]:
        where = f"project {section.project}, environment {section.environment}"
        return Finding("FAIL", _WHAT, f"the token {section.token} lacks {', '.join(lacking)} in {where}")
    more = "" if SKIP in granted else f"; if change requests are on there, it also needs {SKIP}"
    return Finding("PASS", _WHAT, f"the token {section.token} may change it{more}")


def _attributes(section: UnleashSection) -> list[str]:
    return list(dict.fromkeys(one.attribute for rules in section.segments.values() for one in rules))
