"""Times on pages: by the clock of the service's calendar, with UTC beside, and how far away they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from markupsafe import Markup

from pilotage.model.timestamp import timestamp
from pilotage.web.pages.spoken import spoken


@dataclass(frozen=True, kw_only=True)
class PageClock:
    """now: Unix seconds, when the page was made · zone: of the times on it. All methods take Unix seconds; a time that
    is None is shown as a dash."""

    now: float
    zone: tzinfo

    def at(self, at: float | None) -> Markup:
        """Such as `16:23 CET`, or `Wed 26 Nov, 16:23 CET` on another day."""
        return self._element(at, "")

    def dated(self, at: float) -> Markup:
        """Such as `Fri 27 Nov 2026, 16:23:04 CET`: always with its day, for records."""
        then = self._local(at)
        words = f"{then:%a} {then.day} {then:%b %Y}, {then:%H:%M:%S %Z}"
        return _safe(f'<time datetime="{timestamp(at)}" title="{self._utc(at)}">{words}</time>')

    def both(self, at: float | None) -> Markup:
        """Such as `16:23 CET, 5 min ago`."""
        return self._element(at, "" if at is None else f", {self.relative(at)}")

    def ago(self, at: float | None) -> Markup:
        """Such as `5 min ago`, with the time in its title."""
        if at is None:
            return Markup("–")
        return _safe(
            f'<time datetime="{timestamp(at)}" title="{self.words(at)} · {self._utc(at)}" data-relative>'
            f"{self.relative(at)}</time>"
        )

    def words(self, at: float) -> str:
        """As of `at`, without markup."""
        then, today = self._local(at), self._local(self.now)
        if then.date() == today.date():
            return f"{then:%H:%M %Z}"
        year = "" if then.year == today.year else f" {then:%Y}"
        return f"{then:%a} {then.day} {then:%b}{year}, {then:%H:%M %Z}"

    def day(self, at: float) -> str:
        """Such as `Thursday 27 November`, with its year where that is another."""
        then = self._local(at)
        year = "" if then.year == self._local(self.now).year else f" {then.year}"
        return f"{then:%A} {then.day} {then:%B}{year}"

    def second(self, at: float | None) -> Markup:
        """To the second, for events: `16:23:04`."""
        if at is None:
            return Markup("–")
        then, today = self._local(at), self._local(self.now)
        date = "" if then.date() == today.date() else f"{then.day} {then:%b} "
        return _safe(f'<time datetime="{timestamp(at)}" title="{self._utc(at)}">{date}{then:%H:%M:%S}</time>')

    def relative(self, at: float) -> str:
        seconds = self.now - at
        if abs(seconds) < 2:
            return "just now" if seconds >= 0 else "in a moment"
        words = spoken(_rounded(abs(seconds)))
        return f"{words} ago" if seconds > 0 else f"in {words}"

    def _element(self, at: float | None, rest: str) -> Markup:
        if at is None:
            return Markup("–")
        return _safe(f'<time datetime="{timestamp(at)}" title="{self._utc(at)}">{self.words(at)}</time>{rest}')

    def _local(self, at: float) -> datetime:
        return datetime.fromtimestamp(at, UTC).astimezone(self.zone)

    @staticmethod
    def _utc(at: float) -> str:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _safe(made: str) -> Markup:
    """Digits and words of this file and of the zone, which need no escaping: a page has hundreds of times."""
    return Markup(made)


def _rounded(seconds: float) -> int:
    """To what a glance needs: seconds below two minutes, minutes below two days, then hours and days."""
    for most, unit in ((120, 1), (2 * 3600, 60), (2 * 86400, 600), (14 * 86400, 3600)):
        if seconds < most:
            return max(1, round(seconds / unit) * unit)
    return round(seconds / 86400) * 86400
