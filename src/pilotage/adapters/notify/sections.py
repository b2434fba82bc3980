"""The channels: `notify` of `pilotage.yaml`, a section a kind, and what each can do. What delivers is next to it."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Literal, TypeVar

from pydantic import Field, model_validator

from pilotage.adapters.context import Context
from pilotage.adapters.ports import Notifier
from pilotage.adapters.registry import Adapter
from pilotage.config.channels import Channel, SecretRef
from pilotage.config.fields import Url
from pilotage.model.capabilities import NotifyCapabilities


class SlackSection(Channel):
    """Slack: an incoming webhook, or a bot with threads, edits and buttons."""

    kind: Literal["slack"]
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
    host: Annotated[str, Field(min_length=1)] = Field(description="Host of the mail server.")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(587, description="Port of the mail server.")
    encryption: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="Encryption of the connection; none requires allow_private_network: true."
    )
    username: str | None = Field(None, description="User name at the mail server.")
    password: SecretRef | None = Field(None, description="Reference to the password of username.")
    sender: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")] = Field(description="Address of the sender.")
    to: list[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]] = Field(min_length=1, description="Recipients.")

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
    routing_key: SecretRef = Field(description="Reference to the routing key of the service's integration.")
    url: Url = Field("https://events.pagerduty.com/v2/enqueue", description="Address of PagerDuty's API.")


class TeamsSection(Channel):
    """Microsoft Teams: the webhook of a workflow. Each message is an Adaptive Card."""

    kind: Literal["teams"]
    webhook_url: SecretRef = Field(description="Reference to the URL of the workflow's webhook.")


class WebhookSection(Channel):
    """Any receiver of JSON, signed according to Standard Webhooks 1.0."""

    kind: Literal["webhook"]
    url: Url = Field(description="Address of the receiver.")
    secret: SecretRef = Field(description="Reference to the secret that the receiver shares: whsec_… in base64.")


class CDEventsSection(Channel):
    """CDEvents 0.5 over HTTP, as CloudEvents in binary mode."""

    kind: Literal["cdevents"]
    url: Url = Field(description="Address of the receiver of events.")
    source: Annotated[str, Field(min_length=1)] = Field(
        "/pilotage", description="Source in the event's context, a URI reference."
    )
    token: SecretRef | None = Field(None, description="Reference to a token, sent as a bearer token.")


class AppriseSection(Channel):
    """ntfy, Discord, Telegram and a hundred other services, through Apprise."""

    kind: Literal["apprise"]
    url: SecretRef = Field(description="Reference to an Apprise URL, such as ntfy://topic or discord://id/token.")


_S = TypeVar("_S", bound=Channel)


def _adapter(section: type[_S], module: str, name: str, **able: bool) -> Adapter[_S, Notifier, NotifyCapabilities]:
    def opened(given: _S, _context: Context) -> Notifier:
        made: Notifier = getattr(import_module(f"pilotage.adapters.notify.{module}"), name)(given)
        return made

    return Adapter(section=section, capabilities=NotifyCapabilities(**able), open=opened)


SLACK = _adapter(SlackSection, "slack", "Slack", threads=True, updates=True, buttons=True)
EMAIL = _adapter(EmailSection, "email", "Email", threads=True)
PAGERDUTY = _adapter(PagerDutySection, "pagerduty", "PagerDuty", threads=True)
TEAMS = _adapter(TeamsSection, "teams", "Teams")
WEBHOOK = _adapter(WebhookSection, "webhook", "Webhook")
CDEVENTS = _adapter(CDEventsSection, "cdevents", "CDEvents")
APPRISE = _adapter(AppriseSection, "apprise", "Apprise")
