"""What the configuration publishes: commands leave a note in the state's folder for the worker there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pilotage.adapters.files import read_json, set_aside, write_json
from pilotage.app.intake_links import HARM, form_url
from pilotage.config.loading import Loaded
from pilotage.model.errors import Invalid
from pilotage.model.json import WrongJson, read_as

_NOTE = "status-page.json"


class LeadsOutside(Invalid):
    """A folder of the project is a link to a place outside the project."""


@dataclass(frozen=True)
class Publication:
    """What is published where. folder: absolute · places: service → the environment that its public uses · report: the
    address at which users report a problem; empty without one."""

    folder: str
    title: str
    address: str
    places: Mapping[str, str]
    report: str = ""


def publication_of(whole: Loaded) -> Publication | None:
    """What the configuration of all services publishes. Raises LeadsOutside."""
    wanted, section = whole.configuration, whole.configuration.status_page
    if section is None:
        return None
    root = whole.folder
    folder = (root / section.folder).resolve()
    if not folder.is_relative_to(root):
        raise LeadsOutside(f"status_page.folder: {section.folder} leads to {folder}, outside {root}")
    places = dict.fromkeys(wanted.services or [wanted.service], section.environment)
    report = form_url(whole, HARM) if wanted.intake else ""
    return Publication(str(folder), section.title, section.url, places, report)


def note(directory: Path, publication: Publication | None) -> None:
    """Leave word for the worker of this directory."""
    place = directory / _NOTE
    if publication is None:
        place.unlink(missing_ok=True)
    elif read_json(place) != asdict(publication):
        write_json(place, asdict(publication))


def noted(directory: Path) -> Publication | None:
    """The word that was left."""
    found = read_json(directory / _NOTE)
    try:
        return None if found is None else read_as(Publication, found)
    except WrongJson as error:
        set_aside(directory / _NOTE, f"it was not written by Pilotage: {error}")
        return None
