"""What `pilotage init` says of images and load balancers that it finds, and what options choose of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.model.errors import Invalid

if TYPE_CHECKING:
    from pilotage.app.starting_file import Start

EMBEDDED = "embedded"


class NoImageNamed(Invalid):
    """`--image auto`, where no file names one."""


def chosen(folder: Path, service: str, start: Start, image: str | None, port: str | None, router: str) -> Start:
    """The start with what the options say. Raises NoImageNamed, Unclear."""
    from pilotage.app.init import behind, checked_port, with_image
    from pilotage.app.proposals.balancers import balancer, balancers
    from pilotage.app.proposals.images import propose_image

    if image is not None:
        found = propose_image(folder, service)
        if image == "auto" and found is None:
            raise NoImageNamed("no compose file or Dockerfile names an image here: use --image NAME:{version}")
        name = found.image if found and image == "auto" else image
        start = with_image(start, name, checked_port(port) if port else found.port if found else None)
    if router != EMBEDDED:
        there = [one for one in balancers(folder, service) if one.kind == router]
        start = behind(start, there[0] if there else balancer(router, service))
    return start


def hints(folder: Path, service: str, start: Start) -> Iterator[str]:
    """What was found and not chosen, and what is left to do for what was."""
    from pilotage.app.proposals.balancers import balancers
    from pilotage.app.proposals.images import propose_image

    if not start.image and (found := propose_image(folder, service)):
        yield f"found {found.source}: --image auto runs containers of {found.image}"
    if start.balancer:
        yield f"then: {start.balancer.todo}"
        return
    for one in balancers(folder, service):
        yield f"found {one.source}: --router {one.kind} releases behind it"
