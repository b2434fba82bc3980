"""Opens what asks another system."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pilotage.adapters.secrets import Secret
from pilotage.adapters.stages.ports import Awaited
from pilotage.model.json import JsonObject
from pilotage.model.way import Provenance


def opened(
    section: JsonObject, *, provenance: Provenance | None, folder: Path, secrets: Callable[[str], Secret]
) -> Awaited:
    raise NotImplementedError
