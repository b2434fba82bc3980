"""Whether the parts of an environment fit together: what one requires, another must be able to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pilotage.config.fields import Misplaced
from pilotage.config.kinds import can_count, can_route

if TYPE_CHECKING:
    from pilotage.config.environment import EnvironmentSection

_USUAL_ERRORS = ["5xx"]


def mismatches(section: EnvironmentSection) -> Iterator[Misplaced]:
    """What cannot work, each with its place and with what would."""
    kinds = list(dict.fromkeys(router.kind for router in section.every_router.values()))
    routers, counts = f"of kind {' and '.join(kinds)}", can_count(section.metrics)
    source = f"metrics of kind {section.metrics.kind}"
    if counts.of_router and counts.of_router not in kinds:
        written = "metrics" in section.model_fields_set
        yield Misplaced(
            f"{section.metrics.kind} reads the counters of a router of kind {counts.of_router}, and the router is "
            f"{routers}: name another source of counts, such as {{kind: command, run: [./counts]}}",
            "metrics" if written else "router" if section.router else "routers",
        )
    if section.synthetic and not all(can_route(router).own_requests for router in section.every_router.values()):
        yield Misplaced(
            f"a router {routers} cannot tell synthetic requests from user requests: remove synthetic",
            "synthetic",
        )
    if section.routes and not counts.routes:
        yield Misplaced(f"{source} do not count by route: remove routes", "routes")
    if section.errors != _USUAL_ERRORS and not counts.errors:
        yield Misplaced(f"{source} count only 5xx as failed: remove errors", "errors")
    elif not counts.grpc and any(isinstance(kind, dict) for kind in section.errors):
        yield Misplaced(f"{source} do not know the status of a gRPC call: remove grpc", "errors")
