"""The channels: `notify` of `pilotage.yaml`, a section a kind, and what each can do. What delivers is next to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pilotage.adapters.notify.opening import adapter_of
from pilotage.config.channels import Channel, Kind, SecretRef, publishes
from pilotage.config.fields import InsideProject, Url
from pilotage.model.json import JsonObject
from pilotage.model.medium import MAIL, Medium
from pilotage.model.message import OPERATORS, TENANTS, TENANTS_OF_A_WAVE


def _way_out(text: str) -> str:
    if not text.startswith(("https://", "mailto:")) or any(one.isspace() or one in "<>" for one in text):
        raise ValueError(f"{text!r} is not an address such as https://example.org/unsubscribe or mailto:u@example.org")
    return text


class SlackSection(Channel):
    """Slack: an incoming webhook, or a bot with threads, edits and buttons."""

    kind: Literal["slack"]
    messages: list[Kind] = publishes(Medium.CHAT)
    webhook_url: SecretRef | None = Field(None, description="Reference to the URL of an incoming webhook.")
    token: SecretRef | None = Field(
        None, description="Reference to a bot token (xoxb-…) with chat:write. Use it instead of webhook_url."
    )
    channel: str | None = Field(None, description="Channel for the bot: #releases, or a channel id.")
    signing_secret: SecretRef | None = Field(
        None, description="With a token: reference to the signing secret, for buttons that approve and abort."
    )
    api_url: Url = Field("https://slack.com/api", description="Address of Slack's API.")

    @model_validator(mode="after")
    def _one(self) -> SlackSection:
        if (self.webhook_url is None) == (self.token is None):
            raise ValueError("name either webhook_url or token")
        if self.token is not None and self.channel is None:
            raise ValueError("a token needs a channel")
        if self.signing_secret is not None and self.token is None:
            raise ValueError("buttons need a token")
        return self


class EmailSection(Channel):
    """Email over SMTP."""

    kind: Literal["email"]
    messages: list[Kind] = publishes(*MAIL)
    host: Annotated[str, Field(min_length=1)] = Field(description="Host of the mail server.")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(587, description="Port of the mail server.")
    encryption: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="Encryption of the connection; none requires allow_private_network: true."
    )
    username: str | None = Field(None, description="User name at the mail server.")
    password: SecretRef | None = Field(None, description="Reference to the password of username.")
    sender: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")] = Field(description="Address of the sender.")
    to: list[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]] = Field(
        default_factory=list, description="Recipients, who see each other."
    )
    to_file: InsideProject | None = Field(
        None, description="File inside the project with recipients, one address a line. Each gets a mail of their own."
    )
    accounts_file: InsideProject | None = Field(
        None, description="File inside the project with key accounts, for personal messages: each gets its own."
    )
    tenants: bool = Field(
        False,
        description="The tenants of the waves that a message is about, at their contacts. Each gets a mail of its own.",
    )
    unsubscribe: Annotated[str, AfterValidator(_way_out)] | None = Field(
        None,
        description="Address for List-Unsubscribe in announcements: mailto:… or https://…, which must take RFC 8058's "
        "POST. With to_file, {address} is replaced.",
    )

    @model_validator(mode="after")
    def _somebody(self) -> EmailSection:
        files = (self.to_file is not None) + (self.accounts_file is not None)
        if bool(self.to) + files + self.tenants != 1:
            raise ValueError("name one of to, to_file, accounts_file and tenants: true")
        if self.tenants and not set(self.audiences) <= {TENANTS, TENANTS_OF_A_WAVE}:
            raise ValueError(f"tenants get what is for tenants: set audiences to [{TENANTS}, {TENANTS_OF_A_WAVE}]")
        if self.accounts_file is not None and OPERATORS in self.audiences:
            raise ValueError("accounts are no operators: name their audiences, such as [key accounts]")
        if "{address}" in (self.unsubscribe or "") and self.to_file is None and not self.tenants:
            raise ValueError("{address} needs to_file or tenants: everyone in `to` gets the same mail")
        return self

    def kept(self, folder: Path) -> JsonObject:
        named = {"to_file": self.to_file, "accounts_file": self.accounts_file}
        whole = {name: str(folder / path) for name, path in named.items() if path is not None}
        return {**self.model_dump(mode="json"), **whole}

    @model_validator(mode="after")
    def _safe(self) -> EmailSection:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        if self.encryption == "none" and not self.allow_private_network:
            raise ValueError("mail without encryption needs allow_private_network: true")
        if self.encryption == "none" and self.password is not None:
            raise ValueError("a password is not sent without encryption")
        return self


class PagerDutySection(Channel):
    """PagerDuty (Events API v2): opens one incident per harmful rollout, and resolves it."""

    kind: Literal["pagerduty"]
    messages: list[Kind] = publishes()
    routing_key: SecretRef = Field(description="Reference to the routing key of the service's integration.")
    url: Url = Field("https://events.pagerduty.com/v2/enqueue", description="Address of PagerDuty's API.")


class TeamsSection(Channel):
    """Microsoft Teams: the webhook of a workflow. Each message is an Adaptive Card."""

    kind: Literal["teams"]
    messages: list[Kind] = publishes(Medium.CHAT)
    webhook_url: SecretRef = Field(description="Reference to the URL of the workflow's webhook.")


class WebhookSection(Channel):
    """Any receiver of JSON, signed according to Standard Webhooks 1.0."""

    kind: Literal["webhook"]
    url: Url = Field(description="Address of the receiver.")
    secret: SecretRef = Field(description="Reference to the secret that the receiver shares: whsec_… in base64.")


class CDEventsSection(Channel):
    """CDEvents 0.5 over HTTP, as CloudEvents in binary mode."""

    kind: Literal["cdevents"]
    messages: list[Kind] = publishes()
    url: Url = Field(description="Address of the receiver of events.")
    source: Annotated[str, Field(min_length=1)] = Field(
        "/pilotage", description="Source in the event's context, a URI reference."
    )
    token: SecretRef | None = Field(None, description="Reference to a token, sent as a bearer token.")


class AppriseSection(Channel):
    """ntfy, Discord, Telegram and a hundred other services, through Apprise."""

    kind: Literal["apprise"]
    messages: list[Kind] = publishes(Medium.CHAT)
    url: SecretRef = Field(description="Reference to an Apprise URL, such as ntfy://topic or discord://id/token.")


class GrafanaSection(Channel):
    """Grafana: annotations. A rollout is a region, its weights and verdicts are marks."""

    kind: Literal["grafana"]
    messages: list[Kind] = publishes()
    min_severity: Literal["progress", "info", "warning", "critical"] = Field(
        "progress", description="Lowest severity to mark; with progress, every step is marked."
    )
    url: Url = Field(description="Address of your Grafana, such as https://grafana.example.org.")
    token: SecretRef = Field(
        description="Reference to a token of a service account that may create, write and read annotations."
    )
    dashboard: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")] | None = Field(
        None, description="Uid of the only dashboard that shows them. Default: any that asks for their tags."
    )


SLACK = adapter_of(SlackSection, "slack", "Slack", threads=True, updates=True, buttons=True)
EMAIL = adapter_of(EmailSection, "email", "Email", threads=True)
PAGERDUTY = adapter_of(PagerDutySection, "pagerduty", "PagerDuty", threads=True)
TEAMS = adapter_of(TeamsSection, "teams", "Teams")
GRAFANA = adapter_of(GrafanaSection, "grafana", "Grafana", threads=True, updates=True)
WEBHOOK = adapter_of(WebhookSection, "webhook", "Webhook")
CDEVENTS = adapter_of(CDEventsSection, "cdevents", "CDEvents")
APPRISE = adapter_of(AppriseSection, "apprise", "Apprise")
