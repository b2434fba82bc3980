"""A page about a version asks for one where none is named."""

from __future__ import annotations

from starlette.responses import Response

from pilotage.app.grid import grid_of
from pilotage.web.pages.page import page
from pilotage.web.route import Asked


def choose_version(asked: Asked, title: str, leads: str, why: str = "", status: int = 200) -> Response:
    """title: of the page meant · leads: the last part of its path · why: the version that was named will not do."""
    service, environment = asked.params["service"], asked.params["environment"]
    row = grid_of(asked.project, asked.sees, service).rows.get(service, {})
    here = row.get(environment)
    has = here.version if here else ""
    versions = dict.fromkeys(cell.version for cell in row.values() if cell.version not in ("", has))
    return page(
        asked, "choose_version.html.j2", status, service=service, environment=environment, versions=tuple(versions),
        why=why, subject=title, leads=leads,
    )  # fmt: skip
