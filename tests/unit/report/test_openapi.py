"""R23: which changes of an OpenAPI document break callers, and what they must do."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from pilotage.report.openapi import changes_between_documents
from pilotage.report.openapi_kinds import Certainty

STRING, NUMBER = {"type": "string"}, {"type": "number"}


def document(operation: dict[str, Any] | None = None, path: str = "/orders", **more: Any) -> dict[str, Any]:
    """One with a single POST."""
    return {"openapi": "3.1.0", "paths": {path: {"post": operation or {}}}, **more}


def sent(schema: Any, required: bool = False) -> dict[str, Any]:
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}


def read(schema: Any) -> dict[str, Any]:
    return {"responses": {"200": {"content": {"application/json": {"schema": schema}}}}}


def query(**parameter: Any) -> dict[str, Any]:
    return {"parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer"}, **parameter}]}


def an_object(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": properties}


def found(old: Any, new: Any) -> list[str]:
    """Sentences of what breaks; those that may break end with a question mark."""
    changes = changes_between_documents(old, new)
    return [one.sentence + ("?" if one.certainty is Certainty.MAY_BREAK else "") for one in changes]


CASES = [
    (query(), {}, "query parameter limit is gone?"),
    ({}, query(required=True), "query parameter limit is new and required"),
    (query(), query(required=True), "query parameter limit is now required"),
    (query(), query(schema={"type": "integer", "maximum": 10}), "query parameter limit the largest value is now 10"),
    (query(), query(schema=STRING), ""),
    (query(schema=STRING), query(), "query parameter limit is now integer, was string"),
    (query(), query(schema={"type": "array", "items": {"type": "integer"}}), ""),
    (query(), query(name="Limit"), "query parameter limit is gone?"),
    (sent(an_object(a=STRING)), sent(an_object("a", a=STRING)), "request body, a is now required"),
    (sent(an_object()), sent(an_object("b", b=STRING)), "request body, b is new and required"),
    (sent(an_object("a", a=STRING)), sent(an_object(a=STRING)), ""),
    (read(an_object("a", a=STRING)), read(an_object(a=STRING)), "response 200, a is no longer always there"),
    (read(an_object("a", a=STRING)), read(an_object()), "response 200, a is gone"),
    (read(an_object(a=STRING)), read(an_object()), "response 200, a is gone?"),
    (read(an_object()), read(an_object(a=STRING)), ""),
    (read(an_object(a=STRING)), read(an_object(a={"type": ["string", "null"]})), "response 200, a can now be null"),
    (read({"type": "array", "items": STRING}), read({"type": "array", "items": NUMBER}),
     "response 200, [] is now number, was string"),
    (sent({"enum": ["a", "b"]}), sent({"enum": ["a"]}), "request body no longer accepts b"),
    (sent({"enum": ["a"]}), sent({"enum": ["a", "b"]}), ""),
    (read({"enum": ["a"]}), read({"enum": ["a", "b"]}), "response 200 can now be b?"),
    (sent({"type": "integer"}), sent(NUMBER), ""),
    (read({"type": "integer"}), read(NUMBER), "response 200 is now number, was integer"),
    (sent(an_object(a=STRING)), sent({"allOf": [an_object(a=STRING), an_object(b=STRING)]}), ""),
    (sent({"oneOf": [STRING, NUMBER]}), sent({"oneOf": [NUMBER]}), "request body no longer accepts string"),
    (sent(an_object(a=STRING)), sent(an_object(a={**STRING, "readOnly": True})), "request body, a is gone?"),
    ({}, sent(STRING, required=True), "request body is new and required"),
    (read(STRING), {"responses": {"202": {}}}, "response 200 is gone"),
    ({"security": []}, {"security": [{"key": []}]}, "authentication by no authentication is no longer enough"),
    ({"security": [{"key": []}]}, {"security": [{"key": []}, {"oauth": ["read"]}]}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), CASES)
def test_what_breaks_a_caller_and_what_does_not(old: Any, new: Any, said: str) -> None:
    assert found(document(old), document(new)) == ([f"POST /orders: {said}"] if said else [])


def test_an_operation_that_is_gone_says_where_it_went() -> None:
    moved = document({"operationId": "order"}, "/v2/orders")
    (change,) = changes_between_documents(document({"operationId": "order"}), moved)
    assert (change.sentence, change.cure) == ("POST /orders: is gone", "call POST /v2/orders")
    assert found(document(path="/orders/{id}"), document(path="/orders/{orderId}")) == []


def test_references_are_followed_also_in_circles() -> None:
    tree = {"Tree": an_object(child={"$ref": "#/components/schemas/Tree"}, name=STRING)}
    changed = {"Tree": an_object("name", child={"$ref": "#/components/schemas/Tree"}, name=NUMBER)}
    body = sent({"$ref": "#/components/schemas/Tree"})
    old, new = document(body, components={"schemas": tree}), document(body, components={"schemas": changed})
    assert found(old, new) == [
        "POST /orders: request body, name is now required",
        "POST /orders: request body, name is now number, was string",
    ]


SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([STRING, NUMBER, {"enum": ["a", "b"]}, {"type": "string", "maxLength": 3}, True, None, 3, "x"]),
    lambda inner: st.dictionaries(
        st.sampled_from(["type", "properties", "items", "allOf", "oneOf", "required", "$ref", "a", "const"]),
        inner | st.lists(inner, max_size=2), max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(SCHEMAS, SCHEMAS)
def test_any_document_is_compared_and_nothing_differs_from_itself(one: Any, other: Any) -> None:
    for make in (sent, read):
        assert found(document(make(one)), document(make(one))) == []
        found(document(make(one)), document(make(other)))
    found({"paths": one}, {"paths": other})
