"""The file of key accounts: whom customer success writes to about a release, and what to say to each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from pilotage.config.fields import Section
from pilotage.config.yaml_reader import content_of, read
from pilotage.model.errors import Invalid

Mail = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
_Name = Annotated[str, Field(min_length=1, max_length=80)]
_Text = Annotated[str, Field(min_length=1, max_length=2000)]


class BadAccounts(Invalid):
    """The file of accounts cannot be used. The message says where it is wrong."""


class AccountSection(Section):
    """One key account."""

    contacts: list[Mail] = Field(min_length=1, description="Mail addresses of the people to write to.")
    owner: Mail | None = Field(None, description="Mail address of whoever looks after the account: answers go there.")
    greeting: _Text | None = Field(None, description="First line, such as Dear Ada,")
    use: _Text | None = Field(None, description="What the account uses the service for, or what a release means to it.")


_WHOLE = TypeAdapter(dict[_Name, AccountSection])


def accounts_in(path: Path) -> Mapping[str, AccountSection]:
    """The accounts by name, in the order of the file. Raises BadAccounts."""
    try:
        document = read(content_of(path), path.name)
    except OSError as error:
        raise BadAccounts(f"{path.name}, the file of accounts, cannot be read: {error.strerror}") from None
    except Invalid as error:
        raise BadAccounts(str(error)) from None
    if document.problems:
        raise BadAccounts(f"{path.name}: {document.problems[0].message}")
    try:
        found = _WHOLE.validate_python(document.data)
    except ValidationError as error:
        (first, *_) = error.errors()
        raise BadAccounts(f"{path.name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    if not found:
        raise BadAccounts(f"{path.name}, the file of accounts, names none")
    return found
