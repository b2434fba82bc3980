"""Subjects of announcements, as a person would write them."""

from __future__ import annotations

from collections.abc import Mapping

_SUBJECTS = {
    "internal_notice": "{release}: planned for {day}",
    "internal_start": "{release} is rolling out",
    "internal_done": "{release} has reached all users",
    "release_announcement": "{service} {version} is coming on {day}",
    "documentation_updates": "Documentation for {service} {version}",
    "webinar_scheduling": "Invitation: what is new in {service} {version}",
    "support_team_briefing": "Briefing: {service} {version} on {day}",
    "status_page_start": "We are releasing {service} {version}",
    "status_page_done": "{service} {version} is available",
    "social_media": "{service} {version} is here",
    "in_app_notification": "New in {service} {version}",
    "customer_success_outreach": "{service} {version} is released",
    "release_notes_publication": "Release notes of {service} {version}",
    "release_notes_amended": "Release notes of {service} {version}, updated",
    "success_metrics": "What {service} {version} changed",
    "customer_feedback": "How do you like {service} {version}?",
    "follow_up_webinar": "Invitation: working with {service} {version}",
    "compliance_impact": "{service} {version}: compliance impact",
    "compliance_report": "{service} {version}: compliance report",
    "it_leadership_briefing": "Briefing: {service} {version} on {day}",
    "it_leadership_report": "{service} {version}: technical report",
    "end_user_guides": "{service} {version} arrives on {day}",
    "end_user_feedback": "How is {service} {version} working for you?",
    "executive_briefing": "{service} {version}: release on {day}",
    "executive_confirmation": "{service} {version}: outcome of the release",
    "tenant_wave_notice": "{service} {version} reaches you from {day} on",
    "tenant_wave_start": "{service} {version} is rolling out to you",
    "tenant_wave_done": "You now use {service} {version}",
    "rollback_notice": "{service} {version} was rolled back",
}


def subject_of(item: str, title: str, words: Mapping[str, str]) -> str:
    """title: what the calendar calls the announcement, for one without a subject of its own."""
    return _SUBJECTS.get(item, "{service} {version}: " + title.replace("{", "").replace("}", "")).format(**words)
