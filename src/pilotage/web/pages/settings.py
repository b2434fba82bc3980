"""Settings: what there is to set, channels with their log of deliveries, and how the integrations are."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import RedirectResponse, Response

from pilotage.app import channels
from pilotage.app.access import tokens
from pilotage.app.access.output import works
from pilotage.app.doctor import examine
from pilotage.app.permissions import Permission
from pilotage.model.errors import Invalid, PilotageError
from pilotage.model.wording import counted
from pilotage.web.pages.page import page
from pilotage.web.route import Asked, Audience, Kind, Query, Route

_LIMIT = 100
_PILLS = {"PASS": "good", "WARN": "wait", "FAIL": "bad"}
_STATES = {"sent": "good", "waiting": "wait", "dead": "bad"}


class PlaceQuery(Query, frozen=True, kw_only=True):
    """Which environment is examined; empty: nothing yet."""

    service: str = ""
    environment: str = ""


@dataclass(frozen=True, kw_only=True)
class Card:
    """A part of the settings. words: how it is now."""

    title: str
    path: str
    words: str


def _overview(asked: Asked) -> Response:
    now, me = asked.site.store.clock.now(), asked.who.name
    mine = [one for one in tokens.mine(asked.project, me) if works(one, now)]
    paths = {route.path for route in asked.site.routes if route.method == "GET"}
    cards = [
        Card(title="Your account", path="/settings/account", words="Password, second factor, passkeys, sessions"),
        Card(
            title="Tokens",
            path="/settings/tokens",
            words=f"{len(mine)} of yours work{'s' * (len(mine) == 1)}" if mine else "None of yours works now",
        ),
        Card(title="Why may somebody do something?", path="/why", words="Which role allows it, or what is missing"),
    ]
    if asked.may(Permission.MANAGE_PEOPLE):
        cards.append(Card(title="People and roles", path="/settings/people", words="Who may do what, where"))
    if asked.may(Permission.CONFIGURE):
        cards += [
            Card(title="Channels", path="/settings/channels", words=_of_channels(asked)),
            Card(title="Integrations", path="/settings/integrations", words="Whether each of them answers"),
        ]
    return page(asked, "settings.html.j2", cards=[one for one in cards if one.path in paths])


def _of_channels(asked: Asked) -> str:
    try:
        health, _ = channels.overview(asked.project, 0)
    except Invalid:
        return "Unknown while pilotage.yaml cannot be used"
    dead = sum(one.dead for one in health)
    return f"{len(health)}; {counted(dead, 'message')} given up" if dead else f"{len(health)}; nothing given up"


def _channels(asked: Asked) -> Response:
    health, letters = channels.overview(asked.project, _LIMIT)
    return page(asked, "channels.html.j2", health=health, letters=letters, pills=_STATES)


def _again(asked: Asked) -> Response:
    channels.send_again(asked.project, asked.who.name, asked.form.get("channel") or None)
    return RedirectResponse(f"{asked.site.root}/settings/channels", 303)


def _integrations(asked: Asked) -> Response:
    query = asked.query_as(PlaceQuery)
    names, found, error, status = asked.project.names.environments, [], "", 200
    if query.environment:
        try:
            found = examine(asked.site.for_(asked.who, query.service or None), query.environment)
        except PilotageError as wrong:
            error, status = str(wrong), wrong.http_status
    places = [(service, name) for service, each in names.items() for name in each]
    return page(
        asked, "integrations.html.j2", status, places=places, query=query, found=found, error=error, pills=_PILLS
    )  # fmt: skip


ROUTES = (
    Route(
        method="GET", path="/settings", permission=Audience.SIGNED_IN, answer=_overview, kind=Kind.PAGE,
        summary="What there is to set.",
    ),
    Route(
        method="GET", path="/settings/channels", permission=Permission.CONFIGURE, answer=_channels, kind=Kind.PAGE,
        summary="Channels and their log of deliveries.",
    ),
    Route(
        method="POST", path="/settings/channels/again", permission=Permission.CONFIGURE, answer=_again,
        kind=Kind.FORM, summary="Deliver what failed again.",
    ),
    Route(
        method="GET", path="/settings/integrations", permission=Permission.CONFIGURE, answer=_integrations,
        kind=Kind.PAGE, query=PlaceQuery, summary="Whether each integration answers.",
    ),
)  # fmt: skip
