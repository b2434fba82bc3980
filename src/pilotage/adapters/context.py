"""What an adapter gets when it is opened: where it may write, what it acts for, and the other adapters of its
target."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.secrets import Secret, resolve
from pilotage.adapters.state_folder import state_folder
from pilotage.adapters.strata import Strata

if TYPE_CHECKING:
    from pilotage.adapters.fence import Fence
    from pilotage.adapters.stages.built import Built
    from pilotage.model.observation import Instance

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Peers:
    """What the rest of the environment's configuration says that concerns an adapter."""

    health_path: str = "/healthz"
    """The path on which the fleet's instances say how they are."""
    strata: Strata = field(default_factory=Strata)
    """Which parts of the traffic are counted apart, and which answers count as failed."""
    synthetic: bool = False
    """Whether Pilotage sends synthetic requests through the router."""
    router: Path = Path()
    """The folder of the environment's router, whose figures and logs a source of counts may read."""
    routers: Mapping[str, Path] = field(default_factory=dict)
    """The folder of every router whose figures a source of counts may read, by name; empty for a router without one."""
    instances: Callable[[], tuple[Instance, ...]] = tuple
    """The fleet's instances, as `Fleet.instances` returns them."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """One environment of one service, for a holder of its lease."""

    directory: Path
    """The adapter's own folder: it may write here, and only here. It need not exist yet."""
    fence: Fence
    """Call `fence.check()` before every change of the target; it raises Fenced."""
    service: str
    environment: str
    rollout: str = ""
    """The id of the rollout that it is opened for; empty where none is."""
    folder: Path
    """The project's folder: relative paths of the configuration and programs start here."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Text of the project's files that `Adapter.files` names, as it was when the rollout was created."""
    aside: bool = False
    """Whether a version is only tried: nothing may be touched, or left, outside of `directory`."""
    peers: Peers = field(default_factory=Peers)
    artifacts: Path | None = None
    """The store of what ways built; None for that of the project."""
    digests: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """SHA-256 of what versions are made of, as it was when the rollout was created."""
    secrets: Callable[[str], Secret] = resolve
    """What a reference such as `secret://env/NAME` leads to. Raises AdapterError."""

    @property
    def built(self) -> Built:
        """What `{artifact}` and `{artifacts}` mean for each version."""
        from pilotage.adapters.stages.built import Built

        store = self.artifacts or state_folder(self.folder) / "artifacts"
        return Built(store, self.service, self.digests, aside=self.aside)

    def text_of(self, name: str) -> str | None:
        """A file of the project that the configuration names: the copy kept with the rollout, otherwise the current
        one; None if it cannot be read."""
        if name in self.files:
            return self.files[name]
        try:
            return (self.folder / name).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            _log.warning("cannot read %s: %s", name, error)
            return None
