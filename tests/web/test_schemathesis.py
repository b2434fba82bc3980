"""R34: random requests, right and wrong ones, to every route of the API: no answer is a fault of the server, and each
has a status, media type and shape that the description has."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import checks
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.python import asgi
from schemathesis.schemas import APIOperation

from pilotage.engine.records import kept_plans
from pilotage.model.access import AccessRole
from pilotage.model.record import Rollout
from pilotage.model.shell import Ended
from pilotage.web.api import shell
from pilotage.web.openapi import described
from pilotage.web.server import application
from pilotage.web.table import ROUTES
from tests.plans import a_plan
from tests.web import world
from tests.web.site import Served, committed, served

_CHECKS = [
    checks.not_a_server_error, checks.status_code_conformance, checks.content_type_conformance,
    checks.response_schema_conformance, checks.response_headers_conformance,
]  # fmt: skip


pytestmark = pytest.mark.usefixtures("no_worker")


@pytest.fixture(autouse=True)
def _no_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random words would start processes."""

    async def silent(*_: object) -> AsyncIterator[Ended]:
        yield Ended(status=0)

    monkeypatch.setattr(shell, "carry_out", silent)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[tuple[Served, Mapping[str, list[str]]]]:
    """A server with all that routes show, and names of what there is, by the parameters and fields that take them."""
    with served(tmp_path, world.config()) as server:
        committed(tmp_path, "v5.2.2", "v5.3.0")
        made = world.fill(server.site.project)
        plan = a_plan(version="2.3.1")
        kept_plans.keep(server.store.engine, plan)
        server.site.ending = lambda: True  # event streams end at once
        rollouts: list[Rollout] = [made.watching, made.withdrawn, made.approval, made.paused, *made.ended]
        yield server, {
            "service": ["payments", "mail", "search"], "environment": ["production", "staging"],
            "rollout": [one.id for one in rollouts], "plan": [plan.hash], "other": [plan.hash],
            "version": ["5.3.0", "5.2.2", "8.1.0"], "role": ["qa-lead", "release-manager", "own"],
            "holder": ["bob", "nobody"], "kind": ["person", "service", "group"], "person": ["bob", "nobody"],
            "grant": ["viewer", "deployer@mail/production"], "grants": ["viewer"], "number": ["1", "2"],
            "account": ["bot"], "permissions": ["freeze"], "items": ["internal_notice"], "actor": ["bob"],
            "item": ["internal_notice"], "range": ["v5.2.2..v5.3.0", "v5.2.2..HEAD"], "revision": ["HEAD"],
        }  # fmt: skip


def with_names(described: Any, known: Mapping[str, list[str]]) -> Any:
    """The description, so that many requests are about something that there is."""
    for there in described["paths"].values():
        for operation in there.values():
            for parameter in operation["parameters"]:
                name = parameter["name"]
                if parameter["in"] == "path" and name in known:
                    parameter["schema"] = {"enum": known[name]}
                elif parameter["in"] == "query" and name in known and parameter["schema"].get("type") == "string":
                    parameter["schema"] = {"anyOf": [{"enum": known[name]}, parameter["schema"]]}
    for name, schema in described["components"]["schemas"].items():
        for field, shape in schema.get("properties", {}).items() if name.endswith("Body") else ():
            if field in known and shape.get("type") == "string":
                schema["properties"][field] = {"anyOf": [{"enum": known[field]}, shape]}
    return described


def _faults(server: Served, known: Mapping[str, list[str]], role: AccessRole, examples: int) -> list[str]:
    schema = schemathesis.openapi.from_dict(with_names(json.loads(json.dumps(described(ROUTES))), known))
    schema.config.generation.update(with_security_parameters=False)
    schema.app = application(server.site)
    server.person("fay", role)
    headers, found = {"Authorization": f"Bearer {server.with_token('fay', role).token}"}, dict[str, str]()
    with asgi.get_client(schema.app) as client:
        for result in schema.get_all_operations():
            assert isinstance(result, Ok)
            operation = result.ok()
            # Any text is an If-None-Match: looking for a wrong one would take most of the time.
            takes = [*(one for one in operation.iter_parameters() if one.location != "header"), *operation.body]
            for mode in GenerationMode:
                if takes or mode is GenerationMode.POSITIVE:  # where nothing is taken, nothing can be wrong
                    _try(operation, mode, examples, client, headers, found)
    return [f"{what}\n    {how}" for what, how in found.items()]


def _try(
    operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, examples: int, client: Any,
    headers: dict[str, str], found: dict[str, str],
) -> None:  # fmt: skip
    @seed(34)
    @settings(
        max_examples=examples, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        answer = case.call(session=client, headers=headers)
        try:
            case.validate_response(answer, checks=_CHECKS)
        except FailureGroup as group:
            for one in group.exceptions:
                what = f"{operation.label}: {answer.status_code} {str(one)[:300]}"
                found.setdefault(what, f"{case.as_curl_command()[:500]} → {answer.content[:300]!r}")

    try:
        ask()
    except Unsatisfiable:  # nothing can be wrong with it
        assert mode is GenerationMode.NEGATIVE


@pytest.mark.timeout(600)
def test_r34_every_answer_is_as_described(shop: tuple[Served, Mapping[str, list[str]]]) -> None:
    assert _faults(*shop, AccessRole.ADMIN, 1) == []


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("role", AccessRole)
def test_r34_every_answer_to_every_role_is_as_described(
    role: AccessRole, shop: tuple[Served, Mapping[str, list[str]]]
) -> None:
    assert _faults(*shop, role, 40) == []


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_r34_a_request_that_is_sent_four_times_at_once_by_two_persons_is_no_fault(
    shop: tuple[Served, Mapping[str, list[str]]],
) -> None:
    server, known = shop
    schema = schemathesis.openapi.from_dict(with_names(json.loads(json.dumps(described(ROUTES))), known))
    schema.config.generation.update(with_security_parameters=False)
    for name in ("fay", "gus"):
        server.person(name, AccessRole.ADMIN)
    headers = [{"Authorization": f"Bearer {server.with_token(name, 'admin').token}"} for name in ("fay", "gus") * 2]
    found: list[str] = []
    with ThreadPoolExecutor(len(headers)) as pool:
        for result in schema.get_all_operations():
            assert isinstance(result, Ok)
            if result.ok().method.upper() != "GET":
                _race(result.ok(), server.url, headers, pool, found)
    assert found == []


def _race(
    operation: APIOperation[Any, Any, Any, Any], url: str, headers: list[dict[str, str]], pool: ThreadPoolExecutor,
    found: list[str],
) -> None:  # fmt: skip
    @seed(34)
    @settings(
        max_examples=10, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    def ask(case: Any) -> None:
        answers = list(pool.map(lambda own: case.call(base_url=url, headers=own), headers))
        found.extend(
            f"{operation.label}: {one.status_code} {one.text[:300]}" for one in answers if one.status_code >= 500
        )

    ask()
