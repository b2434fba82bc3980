"""What changes of the waves of tenants from one plan to another (R3, R33)."""

from __future__ import annotations

from collections.abc import Iterator

from pilotage.model.plan import Plan
from pilotage.model.plan_change import PlanChange
from pilotage.model.quantity import format_duration, format_share
from pilotage.model.traffic import WHOLE
from pilotage.model.wave import Wave
from pilotage.model.wording import counted

_NOTHING = "–"


def of_waves(before: Plan, after: Plan, cause: str) -> Iterator[PlanChange]:
    """A change a wave, in the order of the later plan, then the waves that it lacks; and one for what all share."""
    old, new = ({wave.name: wave for wave in plan.waves} for plan in (before, after))
    for name in dict.fromkeys((*new, *old)):
        if old.get(name) != new.get(name):
            moved = _moved(old.get(name), new.get(name))
            yield PlanChange("waves", name, _shown(old.get(name)), _shown(new.get(name)) + moved, "tenants", cause)
    if before.tenancy != after.tenancy:
        yield PlanChange("waves", "tenants", _rules(before), _rules(after), "operators", cause)


def _shown(wave: Wave | None) -> str:
    if wave is None:
        return _NOTHING
    who = "everyone else" if wave.rest else counted(len(wave.members), "tenant")
    day = f", not before {wave.not_before:%Y-%m-%d %H:%M}" if wave.not_before else ""
    return f"{who}, {format_share(wave.share / WHOLE)}, analysed for {format_duration(wave.bake)}, in {wave.step}{day}"


def _moved(old: Wave | None, new: Wave | None) -> str:
    """Who came and who left, the first of each by name."""
    if old is None or new is None:
        return ""
    came, left = sorted({*new.members} - {*old.members}), sorted({*old.members} - {*new.members})
    parts = [
        f"{len(names):,} {word}: {names[0]}{', …' * (len(names) > 1)}"
        for names, word in ((came, "more"), (left, "fewer"))
        if names
    ]
    return f" ({'; '.join(parts)})" if parts else ""


def _rules(plan: Plan) -> str:
    if plan.tenancy is None:
        return _NOTHING
    return f"by {plan.tenancy.header}, a failed wave takes back {plan.tenancy.undo}"
