"""How an extra of Pilotage is added to this installation: from where Pilotage itself came."""

from __future__ import annotations

import shlex
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pilotage.model.json import Json, WrongJson, find, text_at

_NAME = "pilotage"


def installing(extra: str) -> str:
    """The command: `pip install` with the folder, the file or the repository that this installation was made from (PEP
    610, "direct_url.json"); with the name alone where an index had it, or where that folder is no more."""
    return f"pip install {_wanted(extra, _origin())}"


def _origin() -> Json:
    """Where it was installed from; None for an index."""
    # It takes longer to import than most commands have to spare, and only those who lack something need it.
    import json
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        text = distribution(_NAME).read_text("direct_url.json")
        return json.loads(text) if text else None
    except (PackageNotFoundError, OSError, ValueError):
        return None


def _wanted(extra: str, origin: Json) -> str:
    by_name = shlex.quote(f"{_NAME}[{extra}]")
    try:
        url = text_at(origin, "url")
        if urlsplit(url).scheme == "file":
            place = Path(unquote(urlsplit(url).path))
            editable = "-e " if find(origin, "dir_info", "editable") is True else ""
            return f"{editable}{shlex.quote(f'{place}[{extra}]')}" if place.exists() else by_name
        if find(origin, "vcs_info") is None:
            return shlex.quote(f"{_NAME}[{extra}] @ {url}")
        system, commit = text_at(origin, "vcs_info", "vcs"), text_at(origin, "vcs_info", "commit_id")
        return shlex.quote(f"{_NAME}[{extra}] @ {system}+{url}@{commit}")
    except (WrongJson, ValueError):
        return by_name
