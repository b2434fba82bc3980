"""The demo with a server: the shop's releases never end, and a browser shows them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path

from pilotage.app.project import Project
from pilotage.demo.story import Fault, stage
from pilotage.web.serving import Listening, require_free, running

_FAULTS = (Fault.NONE, Fault.NONE, Fault.ERRORS, Fault.NONE, Fault.SLOW)
_MOST = 200
"""Releases: some hours of them."""
_PAUSE = 8.0
"""Seconds between two, so that one can look at the end of the first."""


def show(directory: Path, wanted: Listening, seed: int, say: Callable[[str], None]) -> None:
    """Until Ctrl-C. Leaves nothing running. Raises Unavailable."""
    require_free(wanted)  # before the shop is started, which takes a while
    versions = {f"1.{n}.0": fault for n, fault in zip(range(_MOST), itertools.cycle(_FAULTS), strict=False)}
    with stage(directory, versions, seed) as shop:
        project = Project.of(shop.loaded, shop.store)
        with running(project, wanted, say):
            say("a release begins about every 30 seconds; press Ctrl-C to stop everything")
            for version, fault in list(versions.items())[1:]:
                run = shop.release(version, fault, lambda *_: None)
                say(f"{version}: {run.rollout.status}")
                time.sleep(_PAUSE)
