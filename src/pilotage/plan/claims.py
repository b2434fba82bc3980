"""What announcements say of their release in Pilotage's own words."""

from __future__ import annotations

from enum import StrEnum


class Claim(StrEnum):
    """What an announcement says of its release."""

    COMING = "coming"
    UNDER_WAY = "under way"
    OUT = "out"
    TAKEN_BACK = "taken back"


CLAIMS = {
    Claim.COMING: (
        "internal_notice", "release_announcement", "documentation_updates", "webinar_scheduling",
        "support_team_briefing", "it_leadership_briefing", "end_user_guides", "executive_briefing",
        "tenant_wave_notice",
    ),
    Claim.UNDER_WAY: ("internal_start", "status_page_start", "tenant_wave_start"),
    Claim.OUT: (
        "internal_done", "status_page_done", "social_media", "in_app_notification", "customer_success_outreach",
        "success_metrics", "customer_feedback", "follow_up_webinar", "end_user_feedback", "tenant_wave_done",
        "release_notes_publication", "release_notes_amended",
    ),
    Claim.TAKEN_BACK: ("rollback_notice",),
}  # fmt: skip
CLAIM_OF = {item: claim for claim, items in CLAIMS.items() for item in items}
