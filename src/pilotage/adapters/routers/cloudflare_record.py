"""What a router remembers of its load balancer at Cloudflare in its own folder: the way back without a configuration,
what was there before Pilotage came, and what Pilotage set last, so that an edit of somebody else is known as one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pilotage.adapters.files import read_leniently, write_json
from pilotage.adapters.routers.cloudflare_state import Settings, Shown
from pilotage.model.json import Json, object_at, read_as
from pilotage.model.traffic import Split

_log = logging.getLogger(__name__)
RECORD = "cloudflare.json"
_STALE = 20.0
"""Seconds."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """Where the API is. token: the reference to it, never the token."""

    base: str
    account: str
    zone: str
    token: str
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Record:
    """weights, closed: the split that was set last · wish: what the load balancer should show since then · before: what
    it showed until then · confirmed: when Cloudflare answered the change, in Unix seconds; 0 before · led: ids of pools
    that had users, with their versions · gone: when instances were removed, in Unix seconds, by version and
    `host:port`."""

    access: Access
    settings: Settings
    weights: Mapping[str, int] = field(default_factory=dict)
    closed: bool = False
    wish: Shown | None = None
    before: Shown | None = None
    confirmed: float = 0.0
    led: tuple[str, ...] = ()
    gone: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def accepts(self, shown: Shown, now: float) -> bool:
        """Whether nobody else changed the load balancer. What it showed before is right while the change is under way,
        and some seconds longer, because one of Cloudflare's servers may answer with what another one replaced."""
        if self.wish is None or shown == self.wish:
            return True
        return shown == self.before and (not self.confirmed or now - self.confirmed < _STALE)

    def is_of(self, split: Split) -> bool:
        """Whether this split was set last."""
        return dict(split.weights) == dict(self.weights) and split.closed == self.closed


def remember(folder: Path, record: Record, original: Mapping[str, Json]) -> None:
    """original: properties of the load balancer from before Pilotage came. A record that cannot be written keeps nobody
    from being led."""
    content = {**asdict(record), "original": original}
    try:
        if read_leniently(folder / RECORD) != content:
            write_json(folder / RECORD, content)
    except OSError as error:
        _log.warning("cannot write %s: %s", folder / RECORD, error.strerror)


def remembered(folder: Path) -> Record | None:
    """None if nothing was ever set from here, or the record cannot be read."""
    if not (folder / RECORD).is_file():
        return None
    try:
        return read_as(Record, read_leniently(folder / RECORD))
    except ValueError:
        return None


def original(folder: Path) -> Mapping[str, Json]:
    """Empty if it is not known."""
    try:
        return object_at(read_leniently(folder / RECORD), "original")
    except ValueError:
        return {}


def forget(folder: Path) -> None:
    (folder / RECORD).unlink(missing_ok=True)
