"""The router `alb` before a load balancer of AWS that stands in for the real one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pilotage.adapters.context import Context, Peers
from pilotage.adapters.fence import Fence
from pilotage.adapters.ports import Router
from pilotage.adapters.routers.alb_adapter import ADAPTER
from pilotage.testing import RouterUnderTest

from ..alb import Cloud
from ..alb_traffic import COOKIE, Balancer


class AlbUnderTest(RouterUnderTest):
    """The adapter before a listener; other settings come with `section`."""

    def __init__(
        self, place: Path, cloud: Cloud, *, kind: str = "application", balancer: Balancer | None = None, **section: Any
    ) -> None:
        self.place, self.cloud, self.balancer = place, cloud, balancer or Balancer(cloud, kind=kind)
        where = {} if "rules" in section else {"listener": self.balancer.listener}
        self.section = ADAPTER.section.model_validate({"kind": "alb", **where, **section})
        super().__init__(self.open, ADAPTER.can(self.section), url=self.balancer.url, cookie=COOKIE)

    @property
    def directory(self) -> Path:
        return self.place / "router"

    def context(self, token: int = 1) -> Context:
        fence = Fence(self.place / "fence.json", token)
        return Context(
            directory=self.directory,
            fence=fence,
            service="shop",
            environment="production",
            folder=self.place,
            peers=Peers(router=self.directory, routers={"": self.directory}),
        )

    def open(self, token: int = 1) -> Router:
        return ADAPTER.open(self.section, self.context(token))
