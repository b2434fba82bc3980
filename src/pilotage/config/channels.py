"""`notify` of `pilotage.yaml`: channels, whom each reaches, and what is told there.

Whatever opens a channel is a reference (`secret://env/NAME`, `secret://file/PATH`), never the secret itself: the
configuration is kept with every rollout.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pilotage.config.fields import Clock, Section, Url, Zone

SecretRef = Annotated[str, Field(pattern=r"^secret://(env/[A-Za-z_][A-Za-z0-9_]*|file/.+)$")]
OPERATORS = "operators"
"""Those who run releases: they are told of every transition. Everybody else is an audience of announcements."""


class QuietSection(Section):
    """Hours in which less is told; what is held back comes when they are over."""

    opens: Clock = Field(description="From this time of day, such as 22:00.")
    closes: Clock = Field(description="Until this time of day, the next morning if it is earlier.")
    zone: Zone = Field("UTC", description="Whose clock.")
    below: Literal["warning", "critical"] = Field("critical", description="What is less severe waits.")


class _Channel(Section):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")] | None = Field(
        None, description="What it is called; its kind when left out."
    )
    severity: Literal["progress", "info", "warning", "critical"] = Field(
        "info", description="Told from here on; progress is every step."
    )
    environments: list[str] = Field(default_factory=list, description="Only of these; all when left out.")
    audiences: list[Annotated[str, Field(min_length=1)]] = Field(
        [OPERATORS], min_length=1, description="Whom it reaches: operators, or audiences of announcements."
    )
    quiet: QuietSection | None = None
    private: bool = Field(False, description="May be an address of a private network or of this machine.")

    @property
    def called(self) -> str:
        return self.name or str(getattr(self, "kind"))  # noqa: B009


class SlackSection(_Channel):
    """Slack: an incoming webhook, or a bot with threads, edits and buttons."""

    kind: Literal["slack"]
    webhook: SecretRef | None = Field(None, description="Address of an incoming webhook.")
    token: SecretRef | None = Field(None, description="Or a bot's token (xoxb-…), with chat:write.")
    channel: str | None = Field(None, description="Where the bot writes: #releases or a channel's id.")
    signing_secret: SecretRef | None = Field(None, description="With a token: buttons that approve and abort.")
    api: Url = Field("https://slack.com/api", description="Slack's API.")

    @model_validator(mode="after")
    def _one(self) -> SlackSection:
        if (self.webhook is None) == (self.token is None):
            raise ValueError("name either a webhook or a token")
        if self.token is not None and self.channel is None:
            raise ValueError("a token needs a channel")
        if self.signing_secret is not None and self.token is None:
            raise ValueError("buttons need a token")
        return self


class EmailSection(_Channel):
    """E-mail over SMTP."""

    kind: Literal["email"]
    host: Annotated[str, Field(min_length=1)] = Field(description="The mail server.")
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = Field("starttls", description="none only with private: true.")
    user: str | None = None
    password: SecretRef | None = None
    sender: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")] = Field(description="From whom.")
    to: list[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]] = Field(min_length=1)

    @model_validator(mode="after")
    def _safe(self) -> EmailSection:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password go together")
        if self.security == "none" and not self.private:
            raise ValueError("mail without encryption needs private: true")
        if self.security == "none" and self.password is not None:
            raise ValueError("a password is not sent without encryption")
        return self


class PagerDutySection(_Channel):
    """PagerDuty, Events API v2: one incident a rollout that hurts, opened and resolved by itself."""

    kind: Literal["pagerduty"]
    routing_key: SecretRef = Field(description="Of the service's integration.")
    url: Url = "https://events.pagerduty.com/v2/enqueue"


class TeamsSection(_Channel):
    """Microsoft Teams: the webhook of a workflow, an Adaptive Card each."""

    kind: Literal["teams"]
    webhook: SecretRef


class WebhookSection(_Channel):
    """Any receiver: JSON, signed as Standard Webhooks 1.0 says."""

    kind: Literal["webhook"]
    url: Url
    secret: SecretRef = Field(description="whsec_… in base64; the receiver has the same.")


class CDEventsSection(_Channel):
    """CDEvents 0.5 over HTTP, as CloudEvents in binary mode."""

    kind: Literal["cdevents"]
    url: Url
    source: Annotated[str, Field(min_length=1)] = Field(
        "/pilotage", description="The context's source, a URI reference."
    )
    token: SecretRef | None = Field(None, description="Sent as a bearer token.")


class AppriseSection(_Channel):
    """ntfy, Discord, Telegram and a hundred others, through Apprise."""

    kind: Literal["apprise"]
    url: SecretRef = Field(description="Such as ntfy://topic or discord://id/token; see Apprise's list.")


ChannelSection = Annotated[
    SlackSection | EmailSection | PagerDutySection | TeamsSection | WebhookSection | CDEventsSection | AppriseSection,
    Field(discriminator="kind"),
]
