"""Invitations by mail: iTIP requests and cancellations (RFC 5546) as parts of a mail (RFC 6047).

A calendar recognises a meeting by its UID; the higher SEQUENCE wins. The part lies among the alternatives of the text,
where mail programs look for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage

from icalendar import Calendar, Event, vCalAddress

from pilotage.model.medium import Attachment
from pilotage.model.meeting import Guest, Meeting, MeetingKind

_REQUEST, _CANCEL = "REQUEST", "CANCEL"


def request(meeting: Meeting, stamp: float) -> Attachment:
    """The invitation to a meeting, or its newest state to those who are invited already. stamp: Unix seconds, when
    this state was made."""
    return _attachment(meeting, meeting.guests, stamp, _REQUEST)


def cancellation(meeting: Meeting, stamp: float, guests: Sequence[Guest] | None = None) -> Attachment:
    """It does not take place; with guests: it does, without these."""
    return _attachment(meeting, meeting.guests if guests is None else guests, stamp, _CANCEL)


def _attachment(meeting: Meeting, guests: Iterable[Guest], stamp: float, method: str) -> Attachment:
    calendar = Calendar()
    calendar.add("prodid", "-//Pilotage//meetings//EN")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    event = Event()
    event.add("uid", meeting.uid)
    event.add("sequence", meeting.sequence)
    event.add("dtstamp", datetime.fromtimestamp(stamp, UTC))
    event.add("dtstart", datetime.fromtimestamp(meeting.begins, UTC))
    event.add("dtend", datetime.fromtimestamp(meeting.ends, UTC))
    event.add("summary", meeting.title)
    event.add("description", meeting.text)
    event.add("categories", [meeting.kind.value])
    event.add("status", "CANCELLED" if method == _CANCEL else "CONFIRMED")
    if meeting.location:
        event.add("location", meeting.location)
    if meeting.organizer:
        event.add("organizer", vCalAddress(f"mailto:{meeting.organizer}"))
    for guest in guests:
        event.add("attendee", attendee(guest.email, guest.name, required=guest.required))
    calendar.add_component(event)
    name = "cancelled.ics" if method == _CANCEL else "invitation.ics"
    text = bytes(calendar.to_ical()).decode()
    return Attachment(name=name, type=f"text/calendar; method={method}", content=text)


def attendee(email: str, name: str = "", *, required: bool = True) -> vCalAddress:
    """A participant (RFC 5545, 3.8.4.1)."""
    made = vCalAddress(f"mailto:{email}")
    if name:
        made.params["CN"] = name
    made.params["ROLE"] = "REQ-PARTICIPANT" if required else "OPT-PARTICIPANT"
    made.params["PARTSTAT"] = "NEEDS-ACTION"
    made.params["RSVP"] = "TRUE"
    return made


def add_invitation(mail: EmailMessage, attachment: Attachment, sender: str, to: Sequence[str]) -> None:
    """Put the calendar's part next to the text of a mail. An event without participants is for whom the mail goes to,
    and the sender is its organizer; customers come to a webinar if they like."""
    calendar = Calendar.from_ical(attachment.content)
    for event in calendar.walk("VEVENT"):
        assert isinstance(event, Event)
        if "ORGANIZER" not in event:
            event.add("organizer", vCalAddress(f"mailto:{sender}"))
        if "ATTENDEE" not in event:
            for address in to:
                event.add("attendee", attendee(address, required=_is_briefing(event)))
    text = bytes(calendar.to_ical()).decode()
    method = str(calendar["METHOD"])
    mail.add_alternative(text, subtype="calendar", charset="utf-8", cte="base64", params={"method": method})


def _is_briefing(event: Event) -> bool:
    return MeetingKind.BRIEFING.value in event.categories
