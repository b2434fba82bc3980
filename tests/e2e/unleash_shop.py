"""An instance of the demo's shop whose flag is on an Unleash server. Unleash's client evaluates it in this process."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import cast

from UnleashClient.clients.unleash_client import UnleashClient

from pilotage.demo.shop import _Shop
from pilotage.demo.toggles import BOUNDS, Toggle, group_of
from pilotage.openfeature import VariantCounter


class UnleashToggle:
    """What the shop asks of a `Toggle`."""

    def __init__(self, url: str, token: str, key: str) -> None:
        self._key, self.counter = key, VariantCounter(key, bounds=BOUNDS)
        self._client = UnleashClient(
            f"{url}/api", "shop", refresh_interval=1, custom_headers={"Authorization": token},
            cache_directory=tempfile.mkdtemp(), disable_metrics=True, disable_registration=True,
        )  # fmt: skip
        self._client.initialize_client()

    def variant(self, user: str) -> str:
        context = {"userId": user, "properties": {"group": group_of(user)}}
        return "on" if self._client.is_enabled(self._key, context) else "off"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    for name in ("--release", "--releases", "--unleash", "--token", "--flag"):
        parser.add_argument(name)
    options = parser.parse_args()
    toggle = cast(Toggle, UnleashToggle(options.unleash, options.token, options.flag))
    built = json.loads((Path(options.releases) / f"{options.release}.json").read_text())
    _Shop(options.port, options.release, built["fault"], toggle).serve_forever()


if __name__ == "__main__":
    main()
