"""Whose a container is: a service in an environment, of one folder of state."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Whose containers they are. scope: tells apart what has the same service and environment on one host."""

    service: str
    environment: str
    scope: str = ""

    @property
    def mark(self) -> str:
        return "/".join((self.service, self.environment, self.scope)).removesuffix("/")

    def called(self, instance: str) -> str:
        """The container's name; the same for the same instance, so that it is never started twice."""
        name = f"{self.service}_{self.environment}-{instance}"
        if len(name) > 100 or self.scope:
            name = f"{name[:100]}-{hashlib.sha256(f'{self.mark}/{instance}'.encode()).hexdigest()[:8]}"
        return name


def scope_of(directory: Path) -> str:
    """Tells apart what two folders of state have on one machine, such as a trial from what serves."""
    return hashlib.sha256(str(directory.resolve()).encode()).hexdigest()[:12]
