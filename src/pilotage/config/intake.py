"""The section about what users report and answer: where forms are, and who may send reports by program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pilotage.config.channels import SecretRef
from pilotage.config.fields import NAME, Address, BaseUrl, HeaderName, Misplaced, Section
from pilotage.model.json_path import JsonPath


def _path(text: str) -> str:
    JsonPath(text)
    return text


JsonPathText = Annotated[str, AfterValidator(_path)]
"""Such as `$.ticket.id`."""

_USUAL: Mapping[str, Mapping[str, str]] = {
    "zendesk": {"id": "$.detail.id", "text": "$.detail.description", "reporter": "$.detail.requester_id"},
    "intercom": {
        "id": "$.data.item.id", "text": "$.data.item.source.body", "reporter": "$.data.item.source.author.id",
    },
    "jira": {
        "id": "$.issue.id", "text": "$.issue.fields.summary", "reporter": "$.issue.fields.reporter.accountId",
        "version": "$.issue.fields.versions[*].name",
    },
    "freshdesk": {"id": "$.id", "text": "$.text", "reporter": "$.reporter", "version": "$.version"},
    "token": {},
}  # fmt: skip
"""Where a report's fields are in what each help desk sends by itself; for Freshdesk, in what the guide has it send."""


class HelpdeskSection(Section):
    """The webhook of a help desk: its tickets count as reports of problems."""

    kind: Literal["zendesk", "intercom", "jira", "freshdesk", "token"] = Field(
        description="The help desk. With token, any that sends JSON and a secret header."
    )
    secret: SecretRef = Field(description="Reference to the signing secret of the webhook, or to the token.")
    header: HeaderName = Field("X-Pilotage-Token", description="Header with the token, for freshdesk and token.")
    text: JsonPathText | None = Field(
        None, description="Where the ticket says what does not work, such as `$.ticket.description`."
    )
    version: JsonPathText | None = Field(
        None,
        description="Where the ticket names the version, such as `$.detail.tags[*]`. Of several, the one that users "
        "have counts.",
    )
    reporter: JsonPathText | None = Field(None, description="Where the ticket names the customer.")
    id: JsonPathText | None = Field(None, description="Where the ticket has its id. A ticket counts once.")
    service: JsonPathText | None = Field(
        None, description="Where the ticket names the service. Required if there are several."
    )
    only: dict[JsonPathText, Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict,
        description="Which tickets count: those with this text in this place, such as `$.detail.tags[*]: incident`.",
    )

    def place_of(self, name: str) -> JsonPath | None:
        """Where a field of a report is; None where nothing says."""
        given = getattr(self, name) or _USUAL[self.kind].get(name)
        return JsonPath(given) if given else None

    @model_validator(mode="after")
    def _mapped(self) -> HelpdeskSection:
        for name in ("text", "id"):
            if self.place_of(name) is None:
                raise Misplaced(f"is missing: name the place in your help desk's JSON, such as $.ticket.{name}", name)
        return self


class IntakeSection(Section):
    """Reports and feedback of users, received by the intake server."""

    url: BaseUrl = Field(description="Public address of the forms, such as https://feedback.example.org.")
    environment: Annotated[str, Field(pattern=NAME)] = Field(description="Environment that your users use.")
    listen: Address = Field("127.0.0.1:8093", description="Address on which the intake server listens.")
    title: Annotated[str, Field(min_length=1, max_length=80)] | None = Field(
        None, description="Name of your product on the forms. Default: the service."
    )
    secret: SecretRef | None = Field(
        None,
        description="Reference to the signing secret (`whsec_…`, Standard Webhooks) of programs that send reports, "
        "such as your support desk. Without it, POST /reports is refused.",
    )
    helpdesk: HelpdeskSection | None = Field(
        None, description="Webhook of your help desk, received at /helpdesk. Its tickets count as reports."
    )
    address_header: HeaderName | None = Field(
        None,
        description="Header in which your reverse proxy passes the address of a user, such as X-Forwarded-For. "
        "Its last entry counts. Set it only if every request comes through that proxy.",
    )
    per_address: int = Field(20, ge=1, le=1000, description="Forms that one address may send in an hour.")
    per_hour: int = Field(1000, ge=1, le=100_000, description="Forms that are accepted in an hour from all addresses.")
