"""Days and instants as every page shows them."""

from __future__ import annotations

from datetime import date, datetime


def show_day(day: date | None) -> str:
    return f"{day:%a %Y-%m-%d}" if day else "–"


def show_instant(instant: datetime) -> str:
    return f"{instant:%a %Y-%m-%d %H:%M}"
