"""The demo's shop as a service that uses Split: it evaluates its flag with Split's SDK, in its process.

The SDK's localhost mode reads the flags from a file that the stand-in of the tests writes, as it would get them from
Split. Run it as a program: its arguments are those of the shop.
"""

from __future__ import annotations

from pathlib import Path

from splitio import get_factory

from pilotage.demo import shop, toggles
from pilotage.demo.toggles import Toggle, group_of


class SplitToggle(Toggle):
    """file: of flags, in the SDK's format; its name ends with `.json`."""

    def __init__(self, file: Path, key: str) -> None:
        super().__init__(file, key)
        config = {
            "splitFile": str(file), "localhostRefreshEnabled": True, "featuresRefreshRate": 1,
            "impressionsMode": "NONE",
        }  # fmt: skip
        factory = get_factory("localhost", config=config)
        factory.block_until_ready(10)
        self._client = factory.client()

    def variant(self, user: str) -> str:
        treatment = self._client.get_treatment(user or "nobody", self._key, {"group": group_of(user)})
        return "on" if treatment == "on" else "off"


if __name__ == "__main__":
    toggles.Toggle = SplitToggle  # type: ignore[misc]
    shop.main()
