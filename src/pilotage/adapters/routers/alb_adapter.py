"""`router: {kind: alb}`: a listener of an AWS load balancer, or some of its rules, changed through AWS's API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from pilotage.adapters.context import Context
from pilotage.adapters.ports import Router
from pilotage.adapters.registry import Adapter
from pilotage.config.fields import Duration, Misplaced, Section, Url
from pilotage.config.kinds import RouterSection
from pilotage.model.capabilities import RouterCapabilities
from pilotage.model.finding import Finding

if TYPE_CHECKING:
    from pilotage.adapters.routers.alb import AlbRouter
    from pilotage.adapters.routers.alb_record import Settings

_ARN = r"^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{12}:"
ListenerArn = Annotated[str, Field(pattern=rf"{_ARN}listener/(app|net)/[^/]+/[^/]+/[^/]+$")]
RuleArn = Annotated[str, Field(pattern=rf"{_ARN}listener-rule/app/[^/]+/[^/]+/[^/]+/[^/]+$")]
GroupName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,31}$")]
Region = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
RoleArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$")]
_WEEK = 604_800


class AlbStickySection(Section):
    """How long the load balancer keeps users on one version, by a cookie of its own."""

    duration: Annotated[Duration, Field(ge=1, le=_WEEK)] = Field(
        3600.0, description="Time for which a user stays on a version, up to 7d."
    )


class AlbRouterSection(RouterSection):
    """An AWS Application Load Balancer, or a Network Load Balancer, that you run."""

    kind: Literal["alb"]
    listener: ListenerArn | None = Field(
        None, description="ARN of the listener whose default rule leads users to the service."
    )
    rules: list[RuleArn] = Field(
        default_factory=list,
        max_length=8,
        description="ARNs of rules of one listener that lead users to it instead.",
    )
    target_group: str | None = Field(
        None, description="Name or ARN of a target group that new ones are like. Default: the one that serves users."
    )
    target_groups: list[GroupName] = Field(
        default_factory=list,
        max_length=5,
        description="Names of target groups to use in turn, such as [shop-blue, shop-green]. Default: Pilotage makes "
        "one for each version.",
    )
    sticky: AlbStickySection | None = Field(None, description="Keep each user on one version for some time.")
    url: Url | None = Field(
        None, description="Address where users reach the service, such as https://shop.example.org."
    )
    maintenance_page: str | None = Field(
        None, description="HTML file of up to 1,024 bytes that users see while the service is closed."
    )
    region: Region | None = Field(None, description="Region of the load balancer. Default: that of its ARN.")
    profile: str | None = Field(None, description="Profile of AWS's configuration files. Default: AWS's own chain.")
    role: RoleArn | None = Field(None, description="ARN of a role to assume.")

    @model_validator(mode="after")
    def _fits(self) -> AlbRouterSection:
        if (self.listener is None) == (not self.rules):
            raise Misplaced("name either a listener or rules", "listener")
        if len({arn.rpartition("/")[0] for arn in self.rules}) > 1:
            raise Misplaced("must all be of one listener; use routers: for several", "rules")
        if len(self.target_groups) == 1:
            raise Misplaced("needs two groups or more, for two versions", "target_groups")
        if self.target_groups and self.target_group:
            raise Misplaced("is for groups that Pilotage makes, and target_groups names yours", "target_group")
        if self.network and (self.sticky or self.maintenance_page):
            raise Misplaced(
                "a Network Load Balancer has neither cookies nor pages", "sticky" if self.sticky else "maintenance_page"
            )
        return self

    @property
    def network(self) -> bool:
        """Whether it is a Network Load Balancer."""
        return ":listener/net/" in (self.listener or "")


def _settings(section: AlbRouterSection, page: str) -> Settings:
    from pilotage.adapters.aws import Access
    from pilotage.adapters.routers.alb_record import Settings

    where = section.listener or section.rules[0]
    return Settings(
        access=Access(
            region=section.region or where.split(":")[3], profile=section.profile or "", role=section.role or ""
        ),
        listener=section.listener or "",
        rules=tuple(section.rules),
        groups=tuple(section.target_groups),
        target_group=section.target_group or "",
        sticky=round(section.sticky.duration) if section.sticky else 0,
        url=section.url or "",
        page=page,
    )


def _open(section: AlbRouterSection, context: Context) -> Router:
    return _opened(section, context)


def _opened(section: AlbRouterSection, context: Context) -> AlbRouter:
    from pilotage.adapters.routers.alb import AlbRouter

    page = (context.text_of(section.maintenance_page) or "") if section.maintenance_page else ""
    return AlbRouter(
        context.directory,
        context.fence,
        _settings(section, page),
        service=context.service,
        environment=context.environment,
    )


def _configured(section: AlbRouterSection) -> RouterCapabilities:
    can = replace(_AT_BEST, sticky=section.sticky is not None, keeps_users=section.sticky is not None)
    return replace(can, header_routes=False, closed=False) if section.network else can


def _examine(section: AlbRouterSection, context: Context) -> Iterator[Finding]:
    from pilotage.adapters.routers.alb_setup import examined

    yield from examined(_opened(section, context))


_AT_BEST = RouterCapabilities(
    mirror=False, own_requests=False, versions=5, fails_over=False, keeps_users=True, settle=5.0
)

ADAPTER = Adapter(
    section=AlbRouterSection,
    capabilities=_AT_BEST,
    open=_open,
    configured=_configured,
    examine=_examine,
    of_others=True,
    files=lambda section: [section.maintenance_page] if section.maintenance_page else [],
)
