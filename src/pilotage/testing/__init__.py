"""What a package with adapters of its own tests them with: the contract of each port as a class of tests.

    from pilotage.testing import RouterUnderTest
    from pilotage.testing.contracts.router import RouterContract

    class TestMyRouter(RouterContract):
        @pytest.fixture
        def routed(self, tmp_path):
            yield RouterUnderTest(open_mine, MY_CAPABILITIES, url="http://127.0.0.1:8080")

Needs pytest. Tests of what an adapter's capabilities leave out are skipped with that reason.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("pilotage.testing.contracts", "pilotage.testing.harness")

from pilotage.testing.harness import (  # noqa: E402
    CountsUnderTest,
    FlagsUnderTest,
    FleetUnderTest,
    NotifierUnderTest,
    QueriesUnderTest,
    RouterUnderTest,
    User,
    wait_until,
    written,
)
from pilotage.testing.service import Version  # noqa: E402
from pilotage.testing.world import FakeWorld  # noqa: E402

__all__ = [
    "CountsUnderTest",
    "FakeWorld",
    "FlagsUnderTest",
    "FleetUnderTest",
    "NotifierUnderTest",
    "QueriesUnderTest",
    "RouterUnderTest",
    "User",
    "Version",
    "wait_until",
    "written",
]
