"""Questions to what was read back. What is not known is answered with what is safe."""

from __future__ import annotations

from pilotage.model.observation import CheckStatus, Health, Instance
from pilotage.model.rollout import Observed
from pilotage.model.wording import some_of


def healthy(seen: Observed, version: str | None) -> int:
    return sum(i.version == version and i.health is Health.HEALTHY for i in seen.instances or ())


def too_few(seen: Observed, version: str | None, count: int, *, named: bool = False) -> str:
    """That fewer than `count` instances are healthy; empty when enough are. What nobody could read is not called 0.
    named: whether the sentence names the version."""
    if (well := healthy(seen, version)) >= count:
        return ""
    of = f" of {version}" * named
    if seen.instances is None:
        return f"nobody could see whether instances{of} are healthy: the fleet does not answer"
    return f"{some_of(well, count, 'instance', version or '' if named else '')} healthy"


def unwell(seen: Observed, version: str | None) -> int:
    """Instances that run and say, or do not say, that they are healthy: they may serve all the same."""
    return sum(i.version == version and i.health is Health.UNHEALTHY for i in seen.instances or ())


def why_unwell(seen: Observed, version: str | None) -> str:
    """What the first unhealthy instance of a version says, to be put behind a sentence; empty if none says anything."""
    found = (i for i in seen.instances or () if i.version == version and i.health is Health.UNHEALTHY and i.detail)
    return next((f": {i.id} is unhealthy: {i.detail}" for i in found), "")


def instance_that_refuses(seen: Observed, version: str) -> Instance | None:
    """An instance whose health check no waiting makes pass."""
    return next((i for i in seen.instances or () if i.version == version and i.refuses), None)


def alive(seen: Observed, version: str | None) -> list[Instance]:
    """Instances that run or start, in the fleet's order: the first are those that stay longest."""
    gone = (Health.EXITED, Health.STOPPING)
    return [i for i in seen.instances or () if i.version == version and i.health not in gone]


def present(seen: Observed, version: str) -> bool:
    """Whether any instance of the version may still run; True when that is not known."""
    return remaining(seen, version, 0)


def remaining(seen: Observed, version: str, count: int) -> bool:
    """Whether more than `count` instances of the version may still run; True when that is not known."""
    if seen.instances is None:
        return True
    return sum(i.version == version and i.health is not Health.EXITED for i in seen.instances) > count


def reachable(seen: Observed, version: str) -> bool:
    """Whether a request may still reach the version; True when that is not known."""
    return seen.split is None or seen.split.reaches(version)


def sent_beyond(seen: Observed, version: str, count: int) -> bool:
    """Whether the router may send requests to other than the first `count` instances; True when that is not known."""
    if seen.split is not None and not seen.split.reaches(version):
        return False
    if seen.endpoints is None or seen.instances is None:
        return True
    kept = {(i.host, i.port) for i in alive(seen, version)[:count]}
    return not seen.endpoints.get(version, frozenset()) <= kept


def check_status(seen: Observed, name: str, attempt: int) -> CheckStatus | None:
    """The result of a step's configured checks; PASSED if none are configured, None while it is unknown."""
    if name not in seen.hooks:
        return CheckStatus.PASSED
    found = seen.check(name, attempt)
    return found.status if found else None
