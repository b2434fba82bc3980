"""What the owned part of an nginx configuration is made from, and the names in it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath

TOKEN_HEADER = "x-pilotage-token"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """name: service and environment · file: absolute path of the owned file · control: where nginx answers what it
    serves · lua: whether splits change without a reload · listen: where users reach the service; None where a server
    of the user's own includes the location · cookie, header: how users are recognised, empty for neither · page: HTML
    of the maintenance page · log: access log, empty for none · keepalive: idle connections to instances that a worker
    keeps · idle_timeout: seconds · test, reload: commands."""

    name: str
    file: str
    control: tuple[str, int]
    lua: bool = False
    listen: tuple[str, int] | None = None
    cookie: str = ""
    header: str = ""
    version_header: str = ""
    """Response header that names the version; empty for none."""
    synthetic: str = ""
    """The header value by which Pilotage's own requests are known; empty if they are not told apart."""
    url: str = ""
    """Where users reach the service, where `listen` does not say it."""
    page: str = ""
    log: str = ""
    retry_idempotent: bool = True
    keepalive: int = 0
    idle_timeout: float = 60.0
    grpc: bool = False
    test: tuple[str, ...] = ("nginx", "-t")
    reload: tuple[str, ...] = ("nginx", "-s", "reload")

    @property
    def prefix(self) -> str:
        """What every name of ours begins with. Short: nginx refuses variables and upstreams with long names."""
        return f"pilotage_{hashlib.sha256(self.name.encode()).hexdigest()[:8]}"

    @property
    def location(self) -> str:
        """The file with the directives of a location, for a server of the user's own."""
        return str(PurePosixPath(self.file).with_suffix(".location"))

    @property
    def include(self) -> str:
        """The line that http { } needs. A mask, which nginx accepts before the file is there."""
        return f"include {PurePosixPath(self.file).parent}/*.conf;"

    @property
    def location_include(self) -> str:
        return f"include {self.location}*;"
