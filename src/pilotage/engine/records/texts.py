"""Columns with text from people."""

from __future__ import annotations

from sqlalchemy import Dialect, String, Text
from sqlalchemy.types import TypeDecorator

from pilotage.model.text import clean


class SafeString(TypeDecorator[str]):
    """A user-supplied name: stored as text, without terminal escapes or characters that a database rejects."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else clean(value)


class SafeText(SafeString):
    """Sentences that someone wrote."""

    impl = Text
    cache_ok = True
