"""A NerdGraph that parses each request and validates it against New Relic's schema, as far as queries in NRQL need it.

The schema is that of the API as it describes itself (types and fields as
`newrelic-sb-sdk` 0.47 has them, which is generated from it). Errors come with status 200, as GraphQL has them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from graphql import build_schema, parse, validate
from graphql.execution.values import get_variable_values
from graphql.language import OperationDefinitionNode

from .receivers import Answer, Receiver

KEY, ACCOUNT = "NRAK-" + "K" * 27, 4711
SCHEMA = build_schema("""
scalar Nrql  scalar Seconds  scalar NrdbResult  scalar EpochMilliseconds
type Query { actor: Actor }
type Actor { account(id: Int!): Account  user: User }
type User { id: Int  name: String  email: String }
type Account { id: Int  name: String
  nrql(async: Boolean = false, options: NrqlQueryOptions, query: Nrql!, timeout: Seconds): NrdbResultContainer }
input NrqlQueryOptions { eventNamespaces: [String] }
type NrdbResultContainer { results: [NrdbResult]  currentResults: [NrdbResult]  previousResults: [NrdbResult]
  otherResult: NrdbResult  totalResult: NrdbResult  metadata: NrdbMetadata  nrql: Nrql  rawResponse: NrdbResult }
type NrdbMetadata { eventTypes: [String]  facets: [String]  messages: [String]  timeWindow: NrdbMetadataTimeWindow }
type NrdbMetadataTimeWindow { begin: EpochMilliseconds  end: EpochMilliseconds  since: String  until: String
  compareWith: String }
""")


class NerdGraph(Receiver):
    """results: the rows of each query, by its text · ended: how many seconds before now its window ended."""

    def __init__(self) -> None:
        super().__init__()
        self.results: dict[str, list[dict[str, Any]]] = {}
        self.ended: dict[str, float] = {}
        self.throttled, self.hangs = 0, False

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        given = {name.lower(): value for name, value in headers.items()}
        if self.hangs:
            time.sleep(30)
        if headers[":method"] != "POST" or path != "/graphql" or given.get("content-type") != "application/json":
            return 405, {}, b""
        if given.get("api-key") != KEY:
            return 401, {}, b'{"errors":[{"message":"Invalid API key provided"}]}'
        if self.throttled:
            self.throttled -= 1
            return 429, {"Retry-After": "9"}, b"Too many requests"
        asked = json.loads(body)
        assert set(asked) <= {"query", "variables", "operationName"}
        document = parse(asked["query"])
        operation = document.definitions[0]
        assert isinstance(operation, OperationDefinitionNode)
        wrong = validate(SCHEMA, document)
        values = get_variable_values(SCHEMA, operation.variable_definitions or (), asked.get("variables", {}))
        if wrong or isinstance(values, list):
            return _said({"errors": [{"message": str(one)} for one in wrong or values]})
        self.got.append(asked)
        return self._answered(asked["variables"], whole="nrql" in asked["query"].split("{", 1)[1])

    def _answered(self, variables: dict[str, Any], *, whole: bool) -> Answer:
        if variables["account"] != ACCOUNT:
            error = {
                "message": "Access denied.",
                "path": ["actor", "account"],
                "extensions": {"errorClass": "ACCESS_DENIED"},
            }
            return _said({"data": {"actor": {"account": None}}, "errors": [error]})
        if not whole:
            return _said({"data": {"actor": {"user": {"id": 1}, "account": {"id": ACCOUNT, "name": "Shop"}}}})
        text = variables["nrql"]
        if not text.startswith("SELECT ") or " FROM " not in text:
            error = {"message": f"NRQL Syntax Error: Error at line 1 position 1, unexpected '{text[:9]}'"}
            return _said({"data": {"actor": {"account": {"nrql": None}}}, "errors": [error]})
        end = int((time.time() - self.ended.get(text, 0.0)) * 1000)
        found = {
            "results": self.results.get(text, [{"average.duration": None}]),
            "metadata": {"timeWindow": {"begin": end - 60_000, "end": end}},
        }
        return _said({"data": {"actor": {"account": {"nrql": found}}}})


def _said(content: dict[str, Any]) -> Answer:
    return 200, {"Content-Type": "application/json"}, json.dumps(content).encode()
