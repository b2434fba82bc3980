"""`router: {kind: cloudflare}`: a load balancer of Cloudflare Load Balancing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from pilotage.adapters.context import Context
from pilotage.adapters.ports import Router
from pilotage.adapters.registry import Adapter
from pilotage.config.channels import SecretRef
from pilotage.config.fields import BaseUrl, Duration, Misplaced, PlainUrl, Section
from pilotage.config.kinds import RouterSection
from pilotage.model.capabilities import RouterCapabilities
from pilotage.model.finding import Finding

if TYPE_CHECKING:
    from pilotage.adapters.routers.cloudflare import CloudflareRouter

Identity = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
PoolName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9*]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$")]


class CloudflareStickySection(Section):
    """Keep each user on one instance, and so on one version, by Cloudflare's cookie `__cflb`."""

    ttl: Annotated[Duration, Field(ge=1800, le=604_800)] = Field(
        82_800.0, description="How long a user stays at an instance, from 30m to 7d."
    )
    drain: Annotated[Duration, Field(ge=0, le=3600)] = Field(
        0.0, description="How long users of an instance that leaves stay there. It is removed afterwards."
    )


class CloudflareRouterSection(RouterSection):
    """A load balancer of Cloudflare Load Balancing. Pilotage makes a pool for each version and sets the weights."""

    kind: Literal["cloudflare"]
    load_balancer: HostName = Field(
        description="Hostname of a load balancer that is there, such as shop.example.org. It must be proxied."
    )
    zone: Identity = Field(description="ID of its zone, from the zone's overview in Cloudflare.")
    account: Identity = Field(description="ID of the account, where pools are.")
    token: SecretRef = Field(
        description="Reference to an API token with Load Balancing: Monitors and Pools Edit and Load Balancers Edit."
    )
    url: PlainUrl | None = Field(
        None, description="Address where users reach the service. Default: https:// and the load balancer's hostname."
    )
    pools: Annotated[list[PoolName], Field(max_length=20)] = Field(
        default_factory=list,
        description="Names of pools to use in turn, such as [shop-blue, shop-green]. Default: Pilotage makes one for "
        "each version.",
    )
    monitor: Identity | None = Field(
        None, description="ID of the monitor by which Cloudflare checks instances. Default: it checks none."
    )
    virtual_network: str | None = Field(
        None,
        pattern=r"^[0-9a-f-]{36}$",
        description="ID of the virtual network of a Cloudflare Tunnel, for instances with private addresses.",
    )
    addresses: dict[str, HostName] = Field(
        default_factory=dict,
        description="What Cloudflare calls hosts of instances, such as {10.0.0.5: web1.example.org}.",
    )
    host_header: HostName | None = Field(
        None, description="Host header of requests to instances. Default: the one that users send."
    )
    sticky: CloudflareStickySection | None = Field(
        None, description="Keep each user on one version. Default: the load balancer's session affinity stays as it is."
    )
    maintenance_message: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        None,
        description="HTML that users see while the service is closed, with status 503. It takes one custom rule of "
        "the load balancer. Default: the service cannot be closed.",
    )
    propagation: Annotated[Duration, Field(ge=0, le=300)] = Field(
        15.0, description="How long an instance is kept after its removal, until all of Cloudflare knows of it."
    )
    api: BaseUrl = Field("https://api.cloudflare.com/client/v4", description="Where Cloudflare's API answers.")

    @model_validator(mode="after")
    def _distinct(self) -> CloudflareRouterSection:
        if len(set(self.addresses.values())) < len(self.addresses):
            raise Misplaced("two hosts have the same address at Cloudflare", "addresses")
        if len(self.pools) == 1 or len(set(self.pools)) < len(self.pools):
            raise Misplaced("needs two different pools or more, for two versions", "pools")
        if self.pools and self.monitor:
            raise Misplaced("is for pools that Pilotage makes, and pools names yours", "monitor")
        return self


def _open(section: CloudflareRouterSection, context: Context) -> Router:
    return opened(section, context)


def opened(section: CloudflareRouterSection, context: Context) -> CloudflareRouter:
    from pilotage.adapters.cloudflare_api import CloudflareApi
    from pilotage.adapters.routers.cloudflare import CloudflareRouter
    from pilotage.adapters.routers.cloudflare_record import Access
    from pilotage.adapters.routers.cloudflare_state import Settings, Sticky

    api = CloudflareApi(
        base=section.api,
        token=lambda: context.secrets(section.token),
        account=section.account,
        zone=section.zone,
    )
    access = Access(
        base=section.api,
        account=section.account,
        zone=section.zone,
        token=section.token,
        url=section.url or f"https://{section.load_balancer}",
    )
    settings = Settings(
        balancer=section.load_balancer,
        owner=f"{context.service}/{context.environment}",
        pools=tuple(section.pools),
        monitor=section.monitor or "",
        network=section.virtual_network or "",
        host=section.host_header or "",
        addresses=section.addresses,
        message=section.maintenance_message or "",
        sticky=Sticky(ttl=section.sticky.ttl, drain=section.sticky.drain) if section.sticky else None,
        propagation=section.propagation,
    )
    return CloudflareRouter(context.directory, context.fence, api, access, settings)


def _configured(section: CloudflareRouterSection) -> RouterCapabilities:
    is_sticky = section.sticky is not None
    closed = section.maintenance_message is not None
    versions = len(section.pools)
    return replace(_AT_BEST, sticky=is_sticky, keeps_users=is_sticky, closed=closed, versions=versions)


def _examine(section: CloudflareRouterSection, context: Context) -> Iterator[Finding]:
    from pilotage.adapters.routers.cloudflare_setup import examined

    yield from examined(section, context)


_AT_BEST = RouterCapabilities(
    grain=10, header_routes=False, mirror=False, own_requests=False, keeps_users=True, settle=5.0
)

ADAPTER = Adapter(
    section=CloudflareRouterSection,
    capabilities=_AT_BEST,
    open=_open,
    configured=_configured,
    examine=_examine,
    of_others=True,
)
