"""How testers reach a version that users do not have yet."""

from __future__ import annotations

from pilotage.model.plan import Plan
from pilotage.model.traffic import PREVIEW, TESTER, WHOLE, HeaderRoute


def tester_routes(plan: Plan, new: str, weight: int, *, preview: bool, withdrawn: bool) -> tuple[HeaderRoute, ...]:
    """Canary: from its first weight on. Blue-green: the preview, as long as users do not have it.

    preview: the new version is there to answer, and is not on its way out · withdrawn: its users went back to stable
    for harm: a canary's testers may still study it, a cohort of users may not have it.
    """
    if plan.answers.deployment_strategy == "blue-green":
        header = str(plan.setting("blue_green.preview_header").value)
        return (HeaderRoute(header, PREVIEW, new),) if header and preview and weight == 0 else ()
    header = str(plan.setting("canary.tester_header").value)
    if withdrawn:
        return (HeaderRoute(header, TESTER, new),) if header else ()
    if not 0 < weight < WHOLE:
        return ()
    cohort, _, value = str(plan.setting("canary.cohort").value).partition("=")
    routes = ((header, TESTER), (cohort, value))
    return tuple(HeaderRoute(name, wanted, new) for name, wanted in routes if name)
