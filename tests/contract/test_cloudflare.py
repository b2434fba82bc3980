"""The router `cloudflare` before a stand-in of its API and edge: the whole contract, and what only it promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pilotage.adapters.context import Context
from pilotage.adapters.fence import Fence
from pilotage.adapters.routers.cloudflare import CloudflareRouter
from pilotage.adapters.routers.cloudflare_adapter import ADAPTER, CloudflareRouterSection, opened
from pilotage.model.traffic import Split
from pilotage.testing import RouterUnderTest, Version
from pilotage.testing.contracts.router import RouterContract

from ..cloudflare import TOKEN, Cloudflare, cloudflare_running

Versions = Callable[[str], Version]
ONE = Split((("1.0", 1000),))


class CloudflareUnderTest(RouterUnderTest):
    """As an adapter's section opens it."""

    def __init__(self, there: Cloudflare, folder: Path, **settings: Any) -> None:
        self.there, self.folder = there, folder
        self.section = CloudflareRouterSection.model_validate(there.section(**settings))
        super().__init__(self.again, ADAPTER.can(self.section), url=there.url, cookie="__cflb")

    def again(self, token: int = 1) -> CloudflareRouter:
        return opened(self.section, self.context(token))

    def context(self, token: int = 1) -> Context:
        fence = Fence(self.folder / "fence.json", token)
        return Context(
            directory=self.folder / "router", fence=fence, service="shop", environment="live", folder=self.folder
        )


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_TOKEN", TOKEN)


@pytest.fixture
def there() -> Iterator[Cloudflare]:
    with cloudflare_running() as server:
        yield server


@pytest.fixture
def routed(there: Cloudflare, tmp_path: Path) -> CloudflareUnderTest:
    return CloudflareUnderTest(there, tmp_path)


class TestCloudflare(RouterContract):
    """What holds for every router (R28), with users whom Cloudflare's cookie keeps."""

    @pytest.fixture
    def routed(self, there: Cloudflare, tmp_path: Path) -> CloudflareUnderTest:
        return CloudflareUnderTest(there, tmp_path, sticky={}, maintenance_message="<h1>Back soon</h1>")


@pytest.mark.long
class TestCloudflareByChance(RouterContract):
    """The same without a cookie: each request is led by chance."""

    @pytest.fixture
    def routed(self, there: Cloudflare, tmp_path: Path) -> CloudflareUnderTest:
        return CloudflareUnderTest(there, tmp_path)
