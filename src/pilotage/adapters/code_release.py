"""A release at GitHub, GitLab or Gitea, whose description is the notes of a version.

It is found by its tag and changed, so publishing twice makes one. What a person wrote is left as it is: descriptions by
Pilotage end with a comment that says so.
"""

from __future__ import annotations

from urllib.parse import quote

from pilotage.adapters.code_host import CodeRepository
from pilotage.adapters.ports import AdapterError
from pilotage.model.json import Json, WrongJson, find, text_at, whole_at

MARK = "<!-- written by pilotage notes -->"


def publish_release(place: CodeRepository, tag: str, title: str, text: str) -> str:
    """Make or change the release of a tag; returns its address. text: Markdown. Raises AdapterError."""
    body = f"{text.rstrip()}\n\n{MARK}\n"
    try:
        known = _known(place, tag)
        if known is not None and MARK not in _described(place, known):
            raise AdapterError(f"{tag} has a release that Pilotage did not write: it is left as it is")
        return _address(place, _write(place, known, tag, title, body))
    except WrongJson as error:
        raise AdapterError(f"{place.address('/releases')} did not return a release: {error}") from None


def _known(place: CodeRepository, tag: str) -> Json:
    path = f"/releases/{quote(tag, safe='')}" if place.kind == "gitlab" else f"/releases/tags/{quote(tag, safe='')}"
    return place.read(path, absent=(404,))


def _described(place: CodeRepository, release: Json) -> str:
    found = find(release, "description" if place.kind == "gitlab" else "body")
    return found if isinstance(found, str) else ""


def _write(place: CodeRepository, known: Json, tag: str, title: str, body: str) -> Json:
    if place.kind == "gitlab":
        content: dict[str, Json] = {"name": title, "description": body}
        if known is not None:
            return place.write("PUT", f"/releases/{quote(tag, safe='')}", content)
        return place.write("POST", "/releases", {"tag_name": tag, **content})
    content = {"name": title, "body": body}
    if known is not None:
        return place.write("PATCH", f"/releases/{whole_at(known, 'id')}", content)
    return place.write("POST", "/releases", {"tag_name": tag, "draft": False, "prerelease": False, **content})


def _address(place: CodeRepository, release: Json) -> str:
    if place.kind == "gitlab":
        return text_at(release, "_links", "self") if find(release, "_links", "self") else ""
    return text_at(release, "html_url")
