"""What Pilotage sends to Cloudflare, and what the stand-in answers, by Cloudflare's published OpenAPI document (R28).

The document has several megabytes, so it is not kept here: `CLOUDFLARE_OPENAPI` names a copy of `openapi.json` or
`openapi.yaml` of github.com/cloudflare/api-schemas, and without it the test is skipped.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pilotage.adapters.routers.cloudflare_adapter import ADAPTER
from pilotage.model.traffic import Split, split_between

from ..cloudflare import TOKEN, Cloudflare, cloudflare_running
from .test_cloudflare import ONE, CloudflareUnderTest

pytestmark = pytest.mark.long
UNKNOWN = {("POST", "description")}
"""Properties that older copies of the document lack, and the SDK has: of a new pool."""


@pytest.fixture
def published() -> Any:
    if not (path := os.environ.get("CLOUDFLARE_OPENAPI")):
        pytest.skip("CLOUDFLARE_OPENAPI names no copy of Cloudflare's OpenAPI document")
    text = Path(path).read_text()
    if text.startswith("{"):
        return json.loads(text)
    import yaml

    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _schema(published: Any, found: Any) -> Any:
    """A schema of OpenAPI 3.0 with what it refers to, as JSON Schema."""
    if isinstance(found, list):
        return [_schema(published, one) for one in found]
    if not isinstance(found, dict):
        return found
    if isinstance(reference := found.get("$ref"), str):
        return _schema(published, published["components"]["schemas"][reference.rpartition("/")[2]])
    whole = {name: _schema(published, one) for name, one in found.items() if name not in ("example", "description")}
    if whole.pop("nullable", False) is True and "type" in whole:
        whole["type"] = [whole["type"], "null"]
    return whole


def _operation(published: Any, method: str, path: str) -> Any:
    for template, operations in published["paths"].items():
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path) and method.lower() in operations:
            return operations[method.lower()]
    pytest.fail(f"the document has no {method} {path}")


class Recorded(Cloudflare):
    """calls: method, path, content and result of each."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, Any, Any]] = []
        super().__init__()

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> Any:
        result = super().answer(method, path, headers, body)
        self.calls.append((method, path, json.loads(body) if body else None, json.loads(json.dumps(result))))
        return result


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    monkeypatch.setenv("CLOUDFLARE_TOKEN", TOKEN)
    with cloudflare_running(Recorded) as server:
        assert isinstance(server, Recorded)
        yield server


def test_every_request_and_every_answer_is_as_published(published: Any, there: Recorded, tmp_path: Path) -> None:
    routed = CloudflareUnderTest(
        there, tmp_path, sticky={"drain": "30s"}, maintenance_message="closed", monitor="d" * 32, host_header="shop"
    )
    backends = {"1.0": [("10.0.0.5", 8001), ("10.0.0.6", 8001)], "2.0": [("10.0.0.5", 8002)]}
    for split in (ONE, split_between("2.0", 50, "1.0"), Split((("1.0", 1000),), closed=True)):
        routed.take(split, backends)
    routed.take(Split((("2.0", 1000),)), {"1.0": backends["1.0"][:1], "2.0": backends["2.0"]})
    assert ADAPTER.examine
    assert list(ADAPTER.examine(routed.section, routed.context()))
    routed.router.stop()
    assert {method for method, *_ in there.calls} == {"GET", "POST", "PATCH", "DELETE"}
    for method, path, content, result in there.calls:
        operation = _operation(published, method, path)
        if content is not None:
            schema = _schema(published, operation["requestBody"]["content"]["application/json"]["schema"])
            jsonschema.validate(content, schema, jsonschema.Draft7Validator)
            assert not {(method, name) for name in set(content) - set(schema["properties"])} - UNKNOWN
        whole: dict[str, Any] = {"success": True, "errors": [], "messages": [], "result": result}
        schema = _schema(published, operation["responses"]["200"]["content"]["application/json"]["schema"])
        jsonschema.validate(whole, schema, jsonschema.Draft7Validator)
