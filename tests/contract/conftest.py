"""What the contract tests stand on: small HTTP versions of a service, and the embedded router."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pilotage.adapters.aws import forget
from pilotage.adapters.fence import Fence
from pilotage.adapters.free_port import free_port
from pilotage.adapters.own_requests import synthetic_token
from pilotage.adapters.ports import Router
from pilotage.adapters.routers.envoy import EnvoyRouter
from pilotage.adapters.routers.envoy_adapter import ADAPTER
from pilotage.adapters.routers.envoy_resources import Settings, Sticky
from pilotage.testing import RouterUnderTest, User, Version
from tests.children import children

if TYPE_CHECKING:
    from ..alb import Cloud

__all__ = ["EnvoyUnderTest", "User", "Version"]


@pytest.fixture
def versions() -> Iterator[Callable[[str], Version]]:
    """Starts a version on demand, and stops them all."""
    running: list[Version] = []

    def start(name: str) -> Version:
        running.append(Version(name))
        return running[-1]

    yield start
    for version in running:
        version.end()


class EnvoyUnderTest(RouterUnderTest):
    """The embedded router: `configured()` is one with other settings, in the same place."""

    def __init__(self, directory: Path, fence: Path, settings: Settings) -> None:
        self.directory, self._fence, self.settings = directory, fence, settings
        can = ADAPTER.capabilities
        url, own = f"http://127.0.0.1:{settings.listen[1]}", lambda: synthetic_token(directory)
        super().__init__(self.again, can, url=url, kill=kill_children, own=own if settings.synthetic else None)

    def again(self, token: int = 1) -> Router:
        return EnvoyRouter(self.directory, Fence(self._fence, token), self.settings)

    def configured(self, **changed: Any) -> Router:
        self.settings = replace(self.settings, **changed)
        self.router = self.again()
        return self.router


def kill_children() -> None:
    """End every process that the test started, by force."""
    for process in children():
        process.kill()
        process.wait(10)


@pytest.fixture
def routed(tmp_path: Path) -> Iterator[EnvoyUnderTest]:
    """The embedded router, over a real Envoy."""
    settings = Settings(("127.0.0.1", free_port()), Sticky(cookie="session"))
    under_test = EnvoyUnderTest(tmp_path / "router", tmp_path / "fence.json", settings)
    yield under_test
    under_test.again(10**6).stop()


@pytest.fixture(scope="module")
def aws() -> Iterator[Cloud]:
    """What stands in for AWS."""
    from ..alb import Cloud

    cloud = Cloud()
    yield cloud
    cloud.end()


@pytest.fixture
def cloud(aws: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """The same, empty, for this test's own credentials."""
    from ..alb import ENVIRONMENT
    from ..iam import documented

    aws.allowed = documented()
    for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": aws.url}.items():
        monkeypatch.setenv(name, value)
    forget()
    yield aws
    aws.reset()
