"""Columns of what people wrote."""

from __future__ import annotations

from sqlalchemy import Dialect, String, Text
from sqlalchemy.types import TypeDecorator

from pilotage.model.text import clean


class SafeString(TypeDecorator[str]):
    """A name that someone gave: kept as text, without what a terminal would obey or a database would choke on."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else clean(value)


class SafeText(SafeString):
    """Sentences that someone wrote."""

    impl = Text
    cache_ok = True
