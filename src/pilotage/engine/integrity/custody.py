"""Which key signs records and where signed heads go: commands note it in the state folder, for the worker there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pilotage.adapters.files import read_json, read_leniently, write_json
from pilotage.config.loading import Loaded
from pilotage.model.json import JsonObject, read_as
from pilotage.model.renamed import renamed

_NOTE = "audit.json"


@dataclass(frozen=True, kw_only=True)
class Custody:
    """key: the path of a private key or a reference to one, None for the state folder's · anchors: sections of
    `audit.anchors` as plain data, with absolute paths · project: the folder of pilotage.yaml, absolute."""

    key: str | None = None
    anchors: Sequence[JsonObject] = ()
    project: str = ""


def custody_of(whole: Loaded) -> Custody:
    """What the configuration says about signing and anchors."""
    configuration, root = whole.configuration, whole.folder
    key = configuration.signing.key if configuration.signing else None
    if key is not None and not key.startswith("secret://"):
        key = str(root / key)
    anchors = [anchor.model_dump(mode="json") for anchor in configuration.audit.anchors]
    for anchor in anchors:
        if anchor["kind"] == "file":
            anchor["path"] = str(root / anchor["path"])
    return Custody(key=key, anchors=anchors, project=str(root))


def note(directory: Path, custody: Custody) -> None:
    """Write it down for the worker of this state folder."""
    place, content = directory / _NOTE, asdict(custody)
    if read_json(place) != content:
        write_json(place, content)


def noted(directory: Path) -> Custody:
    """What was written down; the state folder's own key and no anchors when nothing was, or it cannot be read."""
    try:
        note, _ = renamed(read_leniently(directory / _NOTE), "audit")
        return Custody() if note is None else read_as(Custody, note)
    except (OSError, ValueError):
        return Custody()
