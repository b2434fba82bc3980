"""The status page as files: a page, JSON, and an Atom feed (RFC 4287) to subscribe to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

import msgspec

from pilotage.model.text import clean
from pilotage.model.timestamp import timestamp
from pilotage.render.html import page as html_page
from pilotage.report.status import WORDS, Condition, Service, StatusPage, output_of


def files_of(page: StatusPage, address: str) -> Mapping[str, str]:
    """Name → content. address: public address of the page, for the feed's ids and links."""
    made = {
        "index.html": _html(page),
        "status.json": msgspec.json.format(msgspec.json.encode(output_of(page)), indent=2).decode() + "\n",
        "feed.xml": _feed(page, address.rstrip("/") + "/"),
    }
    return {name: clean(content) for name, content in made.items()}


def _html(page: StatusPage) -> str:
    return html_page(
        "status.html.j2",
        title=page.title,
        page=page,
        headline=headline(page),
        words=_words,
        clock=_clock,
        stamp=timestamp,
    )


def headline(page: StatusPage) -> str:
    conditions = {one.condition for one in page.services}
    for condition in (
        Condition.DOWN,
        Condition.DEGRADED,
        Condition.UNKNOWN,
        Condition.MAINTENANCE,
        Condition.RELEASING,
    ):
        if condition in conditions:
            return f"{WORDS[condition]}."
    return "All systems operational."


def _words(one: Service) -> str:
    words = WORDS[one.condition]
    return f"{words} since {_clock(one.since)}" if one.since else words


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def _feed(page: StatusPage, address: str) -> str:
    entries = "".join(
        _entry(f"{address}#{i.id}-{n}", i.title, update.at, f"{update.state}: {update.text}", f"{address}#{i.id}")
        for i in page.incidents for n, update in enumerate(i.updates)
    )  # fmt: skip
    entries += "".join(
        _entry(f"{address}#{p.id}", p.title, p.at, f"{_clock(p.at)}: {p.text}", f"{address}#planned")
        for p in page.planned
    )
    entries += "".join(
        _entry(f"{address}#{one.id}", one.title, one.at, one.text, f"{address}#{one.id}") for one in page.said
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"<title>{escape(page.title)}</title>\n<id>{escape(address)}</id>\n<updated>{timestamp(page.made)}</updated>\n"
        f'<link rel="self" href={quoteattr(address + "feed.xml")}/>\n<link href={quoteattr(address)}/>\n'
        f"<author><name>{escape(page.title)}</name></author>\n{entries}</feed>\n"
    )


def _entry(identity: str, title: str, at: float, text: str, link: str) -> str:
    return (
        f"<entry><id>{escape(identity)}</id><title>{escape(title)}</title><updated>{timestamp(at)}</updated>"
        f'<link href={quoteattr(link)}/><content type="text">{escape(text)}</content></entry>\n'
    )
