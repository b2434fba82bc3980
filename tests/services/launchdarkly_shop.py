"""The demo's shop as a service that uses LaunchDarkly: it evaluates its flag with LaunchDarkly's SDK, in its process.

The SDK reads the flags from a file that the stand-in of the tests writes, as it would get them from LaunchDarkly. Run
it as a program: its arguments are those of the shop.
"""

from __future__ import annotations

from pathlib import Path

from ldclient import Config, Context, LDClient
from ldclient.integrations import Files

from pilotage.demo import shop, toggles
from pilotage.demo.toggles import Toggle, group_of


class LaunchDarklyToggle(Toggle):
    """file: of flags, in the SDK's format."""

    def __init__(self, file: Path, key: str) -> None:
        super().__init__(file, key)
        source = Files.new_data_source(paths=[str(file)], auto_update=True, force_polling=True, poll_interval=0.1)
        self._client = LDClient(Config("offline", update_processor_class=source, send_events=False), start_wait=10)

    def variant(self, user: str) -> str:
        builder = Context.builder(user or "nobody").set("group", group_of(user))
        return "on" if self._client.variation(self._key, builder.build(), False) is True else "off"


if __name__ == "__main__":
    toggles.Toggle = LaunchDarklyToggle  # type: ignore[misc]
    shop.main()
