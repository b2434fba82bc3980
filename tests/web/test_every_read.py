"""R34: every read of the API answers in its type, with the server's checkout a git repository; or it is refused exactly
as this file says, because the configuration lacks the thing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from pilotage.app.project import Project
from pilotage.engine.records import kept_plans
from pilotage.model.status import Status
from pilotage.web.route import Route
from pilotage.web.table import ROUTES
from tests.plans import a_plan
from tests.web.filling import OWN, Filling
from tests.web.records import ended
from tests.web.site import CONFIG, Client, Got, Served, committed, served, with_flag

pytestmark = pytest.mark.usefixtures("no_worker")

_SERVICE = "/api/v1/services/{service}"
_PLACE = f"{_SERVICE}/environments/{{environment}}"
READS = [one for one in ROUTES if one.public and one.method == "GET" and one.media != "text/event-stream"]
QUERIES = {
    "/readiness": "version=2.4.0", "/readiness/evidence": "version=2.4.0", "/announcements": "version=2.4.0",
    "/announcements/{item}": "version=2.4.0", "/accounts": "version=2.4.0", "/feature-freeze": "range=v2.3.0..HEAD",
    "/changed": "range=v2.3.0..HEAD", "/risk": "range=v2.3.0..HEAD&commits=true", "/reason": "path=canary.weights",
    "/retargeted": "day=2099-12-01",
}  # fmt: skip
"""By the end of a path."""

TRACKED = {"version": "2.4.0", "day": (datetime.now(UTC).date() + timedelta(days=60)).isoformat()}

ABSENT = {
    "/api/v1/groups/{group}": (404, "no release of several services"),
    f"{_SERVICE}/ways/{{version}}": (400, "no way of 2.4.0"),
    f"{_SERVICE}/ways/{{version}}/events": (400, "no way of 2.4.0"),
    f"{_PLACE}/flag/experiment": (400, "no experiment has run"),
    f"{_PLACE}/waves": (400, "has no waves"), f"{_PLACE}/waves/{{wave}}": (400, "has no waves"),
    f"{_PLACE}/accounts": (400, "names no accounts"), f"{_PLACE}/backups": (400, "no database to back up"),
    f"{_PLACE}/logs": (400, "no instance is known here"),
}  # fmt: skip
"""What this configuration has none of: status, and a word of the sentence that says so."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(Project, "ensure_worker", lambda _: None)
    with served(tmp_path, with_flag(CONFIG)) as found:
        committed(tmp_path, "v2.3.0", "v2.4.0")
        yield found


def _asked(client: Client, filling: Filling, route: Route, rollout: str) -> Got:
    query = next((value for end, value in QUERIES.items() if route.path.endswith(end)), "")
    path = filling.path(route.path.replace("{rollout}", rollout), OWN)
    return client.get(f"{path}?{query}" if query else path)


def _faults(route: Route, got: Got) -> list[str]:
    """What is wrong with an answer that says 200."""
    if not got.headers["content-type"].startswith(route.medias):
        return [f"{route.name}: {got.headers['content-type']} instead of {route.medias}"]
    if route.gives is None:
        return [f"{route.name}: nothing"] * (not got.body)
    try:
        msgspec.json.decode(got.body, type=route.gives)
    except msgspec.ValidationError as error:
        return [f"{route.name}: {error}"]
    unknown = set(got.json) - {one.encode_name for one in msgspec.structs.fields(route.gives)}
    return [f"{route.name}: has {unknown}"] * bool(unknown)


def test_r34_every_read_answers_in_its_type(server: Served) -> None:
    server.person("ada", "admin")
    ada, filling = server.with_token("ada", "admin"), Filling(server)
    undone = ended(server.store, "shop", "production", "2.4.0", status=Status.ROLLED_BACK, reason="errors")
    kept_plans.keep(server.store.engine, a_plan(version="2.3.1"))
    tracked = ada.post(f"{_PLACE.format(service='shop', environment='production')}/phases", TRACKED)
    assert tracked.status == 201, tracked.text
    wrong, refused = list[str](), dict[str, tuple[int, str]]()
    for route in READS:
        got = _asked(ada, filling, route, undone.id)
        if got.status == 200:
            wrong += _faults(route, got)
        elif (said := ABSENT.get(route.path)) is None or said[0] != got.status or said[1] not in got.text:
            wrong.append(f"{route.name}: {got.status} {got.text[:300]}")
        else:
            refused[route.path] = said
    print("\n".join(wrong))
    assert wrong == []
    assert refused == ABSENT, "these are answered now"
