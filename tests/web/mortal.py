"""A server in a process of its own over a store that is there, for a failpoint to kill: `python -m tests.web.mortal`.

It prints its port. No worker is started."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn

from pilotage.app import commands
from pilotage.app.homes import Attended
from pilotage.app.project import Project
from pilotage.web.limits import Limits
from pilotage.web.server import application
from pilotage.web.site import Site


class Telling(uvicorn.Server):
    async def startup(self, sockets: list | None = None) -> None:  # type: ignore[type-arg]
        await super().startup(sockets)
        print(self.servers[0].sockets[0].getsockname()[1], flush=True)


def main() -> None:
    vars(commands)["attend"] = lambda *_: Attended.NOBODY
    site = Site(
        project=Project(Path(sys.argv[1]) / "pilotage.yaml"),
        limits=Limits(minute=0, anonymous=0, streams=0, streams_of_address=0),
    )
    Telling(uvicorn.Config(application(site), port=0, log_level="error", lifespan="off")).run()


if __name__ == "__main__":
    main()
