"""What the models of `pilotage.yaml` are made of: the base of every section, and texts that mean something."""

from __future__ import annotations

import posixpath
import re
from datetime import date, datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pilotage.model.address import parse_address
from pilotage.model.errors import Invalid
from pilotage.model.quantity import parse_duration, parse_share, parse_size

NAME = r"^[a-z][a-z0-9-]{0,62}$"


def _address(text: str) -> str:
    parse_address(text)
    return text


def host_and_port(address: str) -> tuple[str, int]:
    """The two parts of an `Address`."""
    return parse_address(address)


def _local(text: str) -> str:
    if not text.startswith("/") or any(c.isspace() for c in text):
        raise ValueError("not a path such as /healthz")
    return text


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise ValueError("not an address such as https://example.org/path")
    if parts.username is not None:
        raise ValueError("an address must be without a user or a password: the configuration is copied")
    return text


def _base(text: str) -> str:
    if "?" in text or "#" in text:
        raise ValueError("paths are put after this address, so it has no ? and no #")
    return text


def _inside(text: str) -> str:
    if not text or "\0" in text or text.startswith("/") or posixpath.normpath(text).split("/")[0] == "..":
        raise ValueError(f"{text!r} is not a folder inside the project, such as public/status")
    if taken := {".git", ".pilotage"}.intersection(text.split("/")):
        raise ValueError(f"{text!r} is not for other files: {taken.pop()} belongs to git or to Pilotage")
    return text


Duration = Annotated[float, BeforeValidator(parse_duration, json_schema_input_type=str | int | float)]
Share = Annotated[float, BeforeValidator(parse_share, json_schema_input_type=float | str)]
Size = Annotated[int, BeforeValidator(parse_size, json_schema_input_type=str | int)]
"""Bytes."""
Address = Annotated[str, AfterValidator(_address)]
Url = Annotated[str, Field(pattern=r"^https?://[^\s@]+$"), AfterValidator(_url)]
"""An address without a user or password in it."""
BaseUrl = Annotated[Url, AfterValidator(_base)]
"""The same, for paths to be put after it."""
PlainUrl = Annotated[str, Field(pattern=r"^https?://[^\s]+$"), AfterValidator(_url)]
SecretRef = Annotated[str, Field(pattern=r"^secret://(env/[A-Za-z_][A-Za-z0-9_]*|file/.+)$")]
"""Where a secret is, never the secret itself."""
InsideProject = Annotated[str, AfterValidator(_inside)]
"""A folder that is named from the project's, and leads nowhere else."""
UrlPath = Annotated[str, AfterValidator(_local)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,62}$")]


class Misplaced(Invalid):
    """A setting contradicts another setting of its section.

    path: from the section to the setting.
    """

    def __init__(self, message: str, *path: str | int) -> None:
        super().__init__(message)
        self.path = path


class Section(BaseModel):
    """Unknown keys are errors; nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty_ones(cls, written: object) -> object:
        """A key with nothing below it, such as one whose lines are comments, is a list or a mapping without members."""
        if not isinstance(written, dict):
            return written
        empty = {name for name, field in cls.model_fields.items() if field.default_factory in (list, dict)}
        return {key: value for key, value in written.items() if value is not None or key not in empty}


def _clock(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError(f"{text!r} is not a time of day such as 09:00")
    return text


def _closing(text: str) -> str:
    """24:00 is the end of a day (ISO 8601)."""
    return text if text == "24:00" else _clock(text)


def _day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a day such as 2026-12-24") from None
    return text


def _moment(text: str) -> str:
    try:
        if datetime.fromisoformat(text).tzinfo is None:
            return text
    except ValueError:
        pass
    raise ValueError(f"{text!r} is not a local time such as 2026-12-24 18:00; the calendar's zone applies to it")


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{text!r} is not a time zone such as Europe/Berlin") from None
    return text


Clock = Annotated[str, AfterValidator(_clock)]
ClosingClock = Annotated[str, AfterValidator(_closing)]
Day = Annotated[str, AfterValidator(_day)]
Moment = Annotated[str, AfterValidator(_moment)]
Zone = Annotated[str, AfterValidator(_zone)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
