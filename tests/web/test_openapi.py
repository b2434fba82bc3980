"""R34: the API's own description."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from pilotage.web.openapi import described, operation_id
from pilotage.web.route import Kind
from pilotage.web.table import ROUTES
from tests.web.site import Served

OURS = [one for one in ROUTES if one.public]


def test_r34_the_description_is_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(described(ROUTES)).validate()


def test_r34_the_description_names_every_route_with_its_permission() -> None:
    found = {
        (method.upper(), path): operation
        for path, there in json.loads(json.dumps(described(ROUTES)))["paths"].items()
        for method, operation in there.items()
    }
    assert {(one.method, re.sub(r":\w+}", "}", one.path)) for one in OURS} == set(found)
    for one in OURS:
        operation = found[one.method, re.sub(r":\w+}", "}", one.path)]
        assert operation["x-permission"] == one.permission.value
        assert operation["operationId"] == operation_id(one)


@pytest.mark.parametrize("route", OURS, ids=lambda one: one.name)
def test_routes_are_summed_up_in_one_line_and_answer_in_a_type(route: object) -> None:
    (one,) = [found for found in OURS if found is route]
    assert re.fullmatch(r"[A-Z].{5,98}\.", one.summary), one.summary
    assert one.path.startswith("/api/v1/")
    assert one.kind in (Kind.API, Kind.PUBLIC)
    assert one.gives is not None or one.status == 204 or one.media != "application/json" or "openapi" in one.path
    assert one.takes is None or one.changes
    assert one.query is None or not one.changes


def test_r34_anybody_may_read_the_description(server: Served) -> None:
    got = server.anybody().get("/api/v1/openapi.json")
    assert got.status == 200
    assert got.json == json.loads(json.dumps(described(ROUTES)))


def test_r34_a_route_names_every_type_that_its_query_may_ask_for(server: Served) -> None:
    described_ones = json.loads(json.dumps(described(ROUTES)))["paths"]["/api/v1/audit/export"]["get"]
    types = set(described_ones["responses"]["200"]["content"])
    server.person("ada", "admin")
    ada = server.with_token("ada", "admin")
    for shape in ("jsonl", "csv"):
        got = ada.get(f"/api/v1/audit/export?format={shape}")
        assert got.headers["content-type"].partition(";")[0] in types


def test_every_route_of_the_api_is_in_the_reference() -> None:
    text = Path("docs/reference/api.md").read_text()
    for one in OURS:
        assert f"`{one.method} {one.path.removeprefix('/api/v1')}`" in text
