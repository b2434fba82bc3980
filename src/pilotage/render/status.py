"""The status page as files: a page, JSON, a calendar of what is planned, and an Atom feed (RFC 4287)."""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

import msgspec

from pilotage.model.text import clean
from pilotage.model.timestamp import timestamp
from pilotage.render.html import page as html_page
from pilotage.render.status_calendar import planned_calendar
from pilotage.render.status_output import output_of
from pilotage.render.status_parts import clock, component, headline, incident
from pilotage.report.status import StatusPage


def files_of(page: StatusPage, address: str) -> Mapping[str, str]:
    """Name → content. address: public address of the page, for the feed's ids and links."""
    made = {
        "index.html": _html(page),
        "status.json": msgspec.json.format(msgspec.json.encode(output_of(page)), indent=2).decode() + "\n",
        "feed.xml": _feed(page, address.rstrip("/") + "/"),
    }
    cleaned = {name: clean(content) for name, content in made.items()}
    # Its lines end as RFC 5545 wants, and the library escapes what a text may not hold.
    return {**cleaned, "planned.ics": planned_calendar(page, address.rstrip("/") + "/")}


def _html(page: StatusPage) -> str:
    return html_page(
        "status.html.j2",
        title=page.title,
        page=page,
        headline=headline(page),
        components=[component(one, page.history.get(one.name, ())) for one in page.services],
        incidents=[incident(one) for one in page.incidents],
        clock=clock,
        stamp=timestamp,
    )


def _feed(page: StatusPage, address: str) -> str:
    entries = "".join(
        _entry(f"{address}#{i.id}-{n}", i.title, update.at, f"{update.state}: {update.text}", f"{address}#{i.id}")
        for i in page.incidents for n, update in enumerate(i.updates)
    )  # fmt: skip
    entries += "".join(
        _entry(f"{address}#{p.id}", p.title, p.at, f"{clock(p.at)}: {p.text}", f"{address}#planned")
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
