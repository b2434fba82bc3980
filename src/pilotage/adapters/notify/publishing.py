"""Channels that publish a message instead of writing to people: their sections of `notify`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pilotage.adapters.notify.opening import adapter_of
from pilotage.config.channels import Channel, Kind, SecretRef, publishes
from pilotage.config.fields import InsideProject, Url
from pilotage.model.json import JsonObject
from pilotage.model.medium import Medium

_PLACES = ("https://", "ssh://", "file:///", "/")
_PUBLIC = ["customers", "tenants", "end users"]


def _page(text: str) -> str:
    plain = re.sub(r"\{(service|environment|version|item)\}", "x", text)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+~/-]*", plain) or ".." in plain or plain.endswith("/"):
        raise ValueError(f"{text!r} is not the path of a page, such as {{service}}/{{version}}.md")
    return text


def _repository(text: str) -> str:
    # What stands before @ in an https address may be a token. It would be copied wherever the configuration is.
    scheme, _, rest = text.partition("://")
    user, at, _ = rest.partition("/")[0].rpartition("@")
    if at and (scheme in ("http", "https") or ":" in user):
        raise ValueError("a repository's address must be without a password: give `token`, a reference to it")
    if not (text.startswith(_PLACES) or re.fullmatch(r"[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:\S+", text)):
        raise ValueError(f"{text!r} is not the address of a repository, such as https://git.example/docs.git")
    return text


def _readers() -> list[str]:
    """The setting `audiences` of a channel that everybody can read."""
    made: list[str] = Field(_PUBLIC, min_length=1, description="Audiences of announcements that it reaches.")
    return made


class DocumentationSection(Channel):
    """Pages of your documentation: in a folder, in a git repository, or on a server that takes HTTP PUT. Each version
    has one page, which the newest message replaces."""

    kind: Literal["documentation"]
    messages: list[Kind] = publishes(Medium.DOCUMENTATION)
    audiences: list[Annotated[str, Field(min_length=1)]] = _readers()
    folder: InsideProject | None = Field(None, description="Folder inside the project.")
    repository: Annotated[str, AfterValidator(_repository)] | None = Field(
        None, description="Address of a git repository; Pilotage commits the page and pushes it."
    )
    branch: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")] = Field(
        "main", description="Branch of the repository."
    )
    author: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")] = Field(
        "pilotage@localhost", description="Mail address of the author of the commits."
    )
    url: Url | None = Field(None, description="Address below which the page is PUT.")
    token: SecretRef | None = Field(
        None, description="Reference to a token: sent as a bearer token, or as the password of an https repository."
    )
    page: Annotated[str, AfterValidator(_page)] = Field(
        "{service}/{version}.md",
        description="Path of the page, Markdown. {service}, {environment}, {version} and {item} are replaced.",
    )

    @model_validator(mode="after")
    def _one(self) -> DocumentationSection:
        if sum(place is not None for place in (self.folder, self.repository, self.url)) != 1:
            raise ValueError("name one of folder, repository and url")
        if self.token is not None and self.folder is not None:
            raise ValueError("a folder needs no token")
        return self

    def kept(self, folder: Path) -> JsonObject:
        return _with_whole_folder(self.model_dump(mode="json"), folder)


class MastodonSection(Channel):
    """A post on a Mastodon server, by the API that Pleroma, GoToSocial and others have too. For other networks use
    apprise with `messages: [social media]`."""

    kind: Literal["mastodon"]
    messages: list[Kind] = publishes(Medium.SOCIAL)
    audiences: list[Annotated[str, Field(min_length=1)]] = _readers()
    url: Url = Field(description="Address of the server, such as https://mastodon.example.")
    token: SecretRef = Field(
        description="Reference to an access token with write:statuses; with read:statuses too, no post appears twice."
    )
    visibility: Literal["public", "unlisted", "private"] = Field("public", description="Who sees the post.")
    language: Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")] | None = Field(
        None, description="Language of the post, such as en."
    )
    most_characters: Annotated[int, Field(ge=50, le=100_000)] = Field(
        500, description="Longest post that the server takes. A longer one is cut."
    )


class InAppSection(Channel):
    """Messages inside your application: a JSON Feed for each version, which the application polls."""

    kind: Literal["in-app"]
    messages: list[Kind] = publishes(Medium.IN_APP)
    audiences: list[Annotated[str, Field(min_length=1)]] = _readers()
    folder: InsideProject = Field(description="Folder inside the project for the feeds, such as public/in-app.")
    cohort: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")] | None = Field(
        None, description="Write a feed for these users only: VERSION.COHORT.json instead of VERSION.json."
    )
    most: Annotated[int, Field(ge=1, le=1000)] = Field(20, description="Most messages of a feed, the newest first.")

    def kept(self, folder: Path) -> JsonObject:
        return _with_whole_folder(self.model_dump(mode="json"), folder)


class StatusPageSection(Channel):
    """Entries of the public status page. `status_page` adds this channel by itself; name it to change its audiences."""

    kind: Literal["status-page"]
    messages: list[Kind] = publishes(Medium.STATUS_PAGE)
    audiences: list[Annotated[str, Field(min_length=1)]] = _readers()

    @model_validator(mode="after")
    def _the_one(self) -> StatusPageSection:
        if self.name not in (None, "status-page"):
            raise ValueError("there is one status page, so it has no other name")
        return self


def _with_whole_folder(section: JsonObject, folder: Path) -> JsonObject:
    """Whoever sends the message may be at work in another folder."""
    named = section["folder"]
    return {**section, "folder": str(folder / named)} if isinstance(named, str) else section


DOCUMENTATION = adapter_of(DocumentationSection, "documentation", "Documentation")
MASTODON = adapter_of(MastodonSection, "mastodon", "Mastodon")
IN_APP = adapter_of(InAppSection, "in_app", "InApp")
STATUS_PAGE = adapter_of(StatusPageSection, "status_page", "StatusPage")
