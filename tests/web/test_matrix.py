"""R34, R17: every route × every role × every way to ask: allowed exactly where the table of roles says.

The functions of the routes are replaced: what is tested is what stands before them. So no route is too dangerous, and
none can be forgotten.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from starlette.responses import Response
from starlette.types import ASGIApp

from pilotage.app.roles import BUILT_IN
from pilotage.model.access import AccessRole
from pilotage.web import asking
from pilotage.web.route import Audience, Kind, Route
from pilotage.web.server import application
from pilotage.web.table import ROUTES
from tests.web.asgi import ask
from tests.web.filling import OTHER_ENVIRONMENT, OTHER_SERVICE, OWN, Filling
from tests.web.site import Client, Served, granted, served

SPOTS = (OWN, OTHER_ENVIRONMENT, OTHER_SERVICE)
WHERE = ("@shop/production", "@shop", "")
REACHED = 299


def _reached(_asked: object) -> Response:
    return Response(status_code=REACHED)


BARE = tuple(replace(one, answer=_reached, takes=None, query=None) for one in ROUTES)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("matrix")
    with served(folder) as found:
        for role, where in product(AccessRole, WHERE):
            found.person(_name(role, where), f"{role}{where}")
        found.person("nobody")
        yield found


@pytest.fixture(autouse=True)
def _without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """One request after another: changing threads would take most of the time."""

    async def here(act: Callable[..., object], *given: object) -> object:
        return act(*given)

    monkeypatch.setattr(asking, "run_in_threadpool", here)


@pytest.fixture(scope="module")
def app(server: Served) -> ASGIApp:
    return application(server.site, BARE)


@pytest.fixture(scope="module")
def filling(server: Served) -> Filling:
    return Filling(server)


def _name(role: str, where: str) -> str:
    return f"{role}{where.replace('@', '-of-').replace('/', '-')}"


def _browser(client: Client, **more: str) -> Mapping[str, str]:
    return {"cookie": client.cookie, "sec-fetch-site": "same-origin", "accept": "application/json", **more}


def _form(route: Route, csrf: str) -> bytes:
    return f"csrf={csrf}".encode() if route.kind is Kind.FORM else b""


async def _asked(app: ASGIApp, route: Route, path: str, headers: Mapping[str, str], csrf: str = "") -> int:
    return (await ask(app, route.method, path, headers, _form(route, csrf))).status


def _expected(route: Route, role: AccessRole | None, where: str, place: tuple[str, str]) -> bool:
    if isinstance(route.permission, Audience):
        return True
    if role is None or route.permission not in BUILT_IN[role]:
        return False
    grant = granted(f"{role}{where}")
    return grant.service in ("*", place[0]) and grant.environment in ("*", place[1])


def _refused(route: Route, status: int, wanted: int) -> bool:
    """A page leads to the login instead of saying 401."""
    return status in (wanted, 303) if route.kind is not Kind.API and wanted == 401 else status == wanted


def test_r34_every_role_may_do_in_each_place_what_the_table_says(
    server: Served, app: ASGIApp, filling: Filling
) -> None:
    holders = {(role, where): server.signed_in(_name(role, where)) for role, where in product(AccessRole, WHERE)}
    nobody = server.signed_in("nobody")

    async def every() -> list[str]:
        wrong = []
        for route, spot in product(BARE, SPOTS):
            path, place = filling.path(route.path, spot), filling.place(route.path, spot)
            if spot is not OWN and not place[0]:
                continue
            # Every role at its own place; whom another place lets in does not depend on the role's other permissions.
            asking = [one for one in holders if (spot is OWN and one[1] != "@shop") or one[0] is AccessRole.ADMIN]
            # What needs no permission asks for none: who has nothing and who has all stand for everybody.
            for role, where in asking[-1:] if isinstance(route.permission, Audience) else asking:
                client = holders[role, where]
                status = await _asked(app, route, path, _browser(client), client.csrf)
                expected = REACHED if _expected(route, role, where, place) else 403
                wrong += [f"{role}{where}: {route.name} of {place}: {status}, not {expected}"] * (status != expected)
            status = await _asked(app, route, path, _browser(nobody), nobody.csrf)
            expected = REACHED if isinstance(route.permission, Audience) else 403
            wrong += [f"nobody: {route.name} of {place}: {status}, not {expected}"] * (status != expected)
        return wrong

    assert asyncio.run(every()) == []


@pytest.mark.parametrize("case", ["no login", "expired", "unknown", "revoked shape", "in the query", "other kind"])
def test_r34_without_a_valid_proof_no_route_is_reached(
    case: str, server: Served, app: ASGIApp, filling: Filling
) -> None:
    admin = _name("admin", "")
    expired = server.with_token(admin, "admin", expires_at=time.time() - 1).token
    good = server.with_token(admin, "admin").token
    headers = {
        "no login": {}, "expired": {"authorization": f"Bearer {expired}"}, "unknown": {"authorization": "Bearer any"},
        "revoked shape": {"authorization": f"Bearer {good[:-1]}"}, "in the query": {},
        "other kind": {"authorization": f"Basic {good}"},
    }[case]  # fmt: skip
    query = f"?access_token={good}&token={good}" if case == "in the query" else ""

    async def every() -> list[str]:
        wrong = []
        for route in BARE:
            if route.permission is Audience.ANYONE:
                continue
            status = await _asked(app, route, filling.path(route.path, OWN) + query, headers)
            if not _refused(route, status, 401):
                wrong.append(f"{route.name}: {status}")
        return wrong

    assert asyncio.run(every()) == []


def test_r34_a_token_may_no_more_than_its_scope(server: Served, app: ASGIApp, filling: Filling) -> None:
    owner = _name("admin", "")
    scoped = [
        (AccessRole.VIEWER, "", server.with_token(owner, "viewer").token),
        (None, "", server.with_token(owner).token),
        (AccessRole.ADMIN, "@shop/production", server.with_token(owner, "admin@shop/production").token),
    ]
    server.person(owner, "viewer")

    async def every() -> list[str]:
        wrong = []
        for (role, where, token), route, spot in product(scoped, BARE, SPOTS):
            path, place = filling.path(route.path, spot), filling.place(route.path, spot)
            if spot is not OWN and (where == "" or not place[0]):
                continue
            status = await _asked(app, route, path, {"authorization": f"Bearer {token}"})
            expected = REACHED if _expected(route, role, where, place) else 403
            if status != expected:
                wrong.append(f"{role}{where}: {route.name} of {place}: {status}, not {expected}")
        return wrong

    assert asyncio.run(every()) == []


def test_c6_37_no_page_of_another_site_changes_anything(server: Served, app: ASGIApp, filling: Filling) -> None:
    client, other = server.signed_in(_name("admin", "")), server.signed_in(_name("admin", ""))
    forged = [
        {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
        {"origin": "http://pilotage.test.evil.example"}, {},
    ]  # fmt: skip

    async def every() -> list[str]:
        wrong = []
        for route in BARE:
            if not route.changes or route.kind is Kind.PUBLIC:  # nobody is signed in there, whatever a browser sends
                continue
            path = filling.path(route.path, OWN)
            for headers in forged:
                status = await _asked(app, route, path, {"cookie": client.cookie, **headers}, client.csrf)
                wrong += [f"{route.name} with {headers}: {status}"] * (status != 403)
            for csrf in ("", "0" * 64, other.csrf) if route.kind is Kind.FORM else ():
                status = await _asked(app, route, path, _browser(client), csrf)
                wrong += [f"{route.name} with the token {csrf!r}: {status}"] * (status != 403)
        return wrong

    assert asyncio.run(every()) == []


def test_r34_a_get_changes_nothing_and_names_are_unique() -> None:
    from pilotage.web.openapi import operation_id

    names = [operation_id(one) for one in ROUTES if one.public]
    assert len(set(names)) == len(names)
    assert {one.method for one in ROUTES} <= {"GET", "POST", "PUT", "PATCH", "DELETE"}
    assert [one.name for one in ROUTES if one.kind is Kind.FORM and one.method != "POST"] == []
    assert [one.name for one in ROUTES if one.kind is Kind.PAGE and one.method != "GET"] == []


def test_a_parameter_that_the_matrix_does_not_know_fails_the_build(server: Served) -> None:
    with pytest.raises(AssertionError, match=r"does not know what \{unheard\}"):
        Filling(server).path("/api/v1/things/{unheard}", OWN)


def test_every_parameter_is_known_to_the_matrix(filling: Filling) -> None:
    for route in ROUTES:
        for spot in SPOTS:
            assert "{" not in filling.path(route.path, spot)
