"""Split (Harness FME) for tests: flags, JSON patches, the kill switch and change requests over its Admin API, and what
SDKs fetch, on a real socket.

It keeps state and checks every request as Split documents it: routes, methods, the key as `Bearer`, each operation of a
patch, rules, matchers and sizes. Evaluation is by Split's own SDK in its localhost mode, fed with what is kept here.
`tests/contract/test_split.py` drives it with Split's own API client, too.
"""

from __future__ import annotations

import copy
import json
import re
import tempfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from splitio import get_factory

from tests.rest_server import Answered, Asked, RestServer

TOKEN, READER, SDK_KEY = "admin-key-of-pilotage", "admin-key-that-reads", "sdk-key-of-a-server"
WORKSPACE, ENVIRONMENT, FLAG = "ws-1", "Production", "new-checkout"
ADMIN = "/internal/api/v2"
_FLAG = ADMIN + r"/splits/ws/([^/]+)/([^/]+)/environments/([^/]+)"
_WITH_STRINGS = ("IN_LIST_STRING", "STARTS_WITH_STRING", "ENDS_WITH_STRING", "CONTAINS_STRING")
_SEMVER = ("EQUAL_TO_SEMVER", "GREATER_THAN_OR_EQUAL_TO_SEMVER", "LESS_THAN_OR_EQUAL_TO_SEMVER")
_WITH_STRING = ("MATCHES_STRING", *_SEMVER)
_FOR_SDKS = {"IN_LIST_STRING": "WHITELIST", "STARTS_WITH_STRING": "STARTS_WITH", "ENDS_WITH_STRING": "ENDS_WITH"}
_PATCHED = ("killed", "rules", "defaultRule", "trafficAllocation", "defaultTreatment", "treatments")


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        body = {"code": status, "message": message, "details": "", "transactionId": "22ugt6f5igp"}
        self.answer = Answered(status=status, body=body)


class SplitServer(RestServer):
    """file: where services that use Split's SDK in its localhost mode read the flags."""

    def __init__(self, file: Path | None = None) -> None:
        super().__init__()
        self.file = file
        self.flags: dict[str, dict[str, Any]] = {}
        self.seeds: dict[str, int] = {}
        self.requests: list[dict[str, Any]] = []
        self.requires_approval = False
        self._version = 1_764_000_000_000
        self._evaluated = 0
        self._factory: Any = None
        self._folder = tempfile.TemporaryDirectory(prefix="split-")
        for key in (FLAG, "other"):
            self.add(key)

    def add(self, key: str, **more: Any) -> None:
        self.seeds[key] = zlib.crc32(key.encode()) - (1 << 31)
        self.flags[key] = {
            "name": key, "environment": {"id": "env-1", "name": ENVIRONMENT},
            "trafficType": {"id": "tt-1", "name": "user"}, "killed": False,
            "treatments": [{"name": "on", "keys": [], "segments": []}, {"name": "off", "keys": [], "segments": []}],
            "defaultTreatment": "off", "baselineTreatment": "off", "trafficAllocation": 100, "rules": [],
            "defaultRule": [{"treatment": "off", "size": 100}], "creationTime": self._version,
            "lastUpdateTime": self._version, "impressionsDisabled": False, "flagSets": [], **more,
        }  # fmt: skip
        self._publish()

    # ── what humans do ─────────────────────────────────────────────────────────────────────────────────────

    def edit(self, key: str = FLAG, **changes: Any) -> None:
        """A human's change, as the pages make it."""
        with self.lock:
            self._change(key, changes)

    def share(self, size: int) -> list[dict[str, Any]]:
        return [{"treatment": "on", "size": size}, {"treatment": "off", "size": 100 - size}]

    def review(self, approved: bool) -> None:
        """The last change request; Split publishes an approved one by itself."""
        with self.lock:
            last = self.requests[-1]
            last["status"] = "PUBLISHED" if approved else "REJECTED"
            if approved:
                names = [name for name in _PATCHED if name in last["split"]]
                killed = {"killed": last["operationType"] == "KILL"}
                self._change(last["split"]["name"], {**{name: last["split"][name] for name in names}, **killed})

    def _change(self, key: str, changes: Mapping[str, Any]) -> None:
        flag = {**copy.deepcopy(self.flags[key]), **copy.deepcopy(dict(changes))}
        self._check(flag)
        self._version += 1
        self.flags[key] = {**flag, "lastUpdateTime": self._version}
        self._publish()

    # ── evaluation by the vendor's SDK ─────────────────────────────────────────────────────────────────────

    def evaluate(self, user: str, attributes: Mapping[str, Any], key: str = FLAG) -> bool:
        with self.lock:
            if self._factory is None or self._evaluated != self._version:
                self.forget_sdk()
                file = Path(self._folder.name) / f"{self._version}.json"
                file.write_text(json.dumps(self._document()))
                config = {"splitFile": str(file), "impressionsMode": "NONE"}
                self._factory, self._evaluated = get_factory("localhost", config=config), self._version
                self._factory.block_until_ready(10)
            return bool(self._factory.client().get_treatment(user, key, dict(attributes)) == "on")

    def forget_sdk(self) -> None:
        if self._factory is not None:
            self._factory.destroy()
        self._factory = None

    def close(self) -> None:
        self.forget_sdk()
        self._folder.cleanup()

    def _publish(self) -> None:
        self._evaluated = 0
        if self.file is not None:
            beside = self.file.with_suffix(".new")
            beside.write_text(json.dumps(self._document()))
            beside.replace(self.file)

    def _document(self) -> dict[str, Any]:
        rbs = {"d": [], "s": -1, "t": self._version}
        return {"ff": {"d": [self._for_sdk(key) for key in self.flags], "s": -1, "t": self._version}, "rbs": rbs}

    def _for_sdk(self, key: str) -> dict[str, Any]:
        flag = self.flags[key]
        conditions = [
            _condition("WHITELIST", [{"type": "IN_LIST_STRING", "strings": one["keys"]}], [(one["name"], 100)])
            for one in flag["treatments"]
            if one["keys"]
        ]
        for rule in flag["rules"]:
            sizes = [(one["treatment"], one["size"]) for one in rule["buckets"]]
            conditions.append(_condition("ROLLOUT", rule["condition"]["matchers"], sizes))
        sizes = [(one["treatment"], one["size"]) for one in flag["defaultRule"]]
        conditions.append(_condition("ROLLOUT", [{"type": "ALL_KEYS"}], sizes))
        return {
            "name": key, "trafficTypeName": "user", "trafficAllocation": flag["trafficAllocation"],
            "trafficAllocationSeed": self.seeds[key] + 7, "seed": self.seeds[key], "status": "ACTIVE",
            "killed": flag["killed"], "defaultTreatment": flag["defaultTreatment"], "changeNumber": self._version,
            "algo": 2, "configurations": {}, "sets": [], "conditions": conditions,
        }  # fmt: skip

    # ── the API ────────────────────────────────────────────────────────────────────────────────────────────

    def take(self, asked: Asked) -> Answered:
        try:
            self._authorized(asked)
            for method, pattern, answer in self._routes():
                if (found := re.fullmatch(pattern, asked.path)) and asked.method == method:
                    return answer(asked, *found.groups())
            raise Refused(404, "Object Not Found")
        except Refused as error:
            return error.answer

    def _routes(self) -> tuple[tuple[str, str, Callable[..., Answered]], ...]:
        return (
            ("GET", _FLAG, self._get),
            ("PATCH", _FLAG, self._patch),
            ("PUT", _FLAG + "/kill", self._kill),
            ("PUT", _FLAG + "/restore", self._restore),
            ("GET", ADMIN + "/changeRequests", self._list),
            ("POST", ADMIN + r"/changeRequests/ws/([^/]+)/environments/([^/]+)", self._request),
            ("PUT", ADMIN + r"/changeRequests/([^/]+)", self._update),
            ("GET", "/api/splitChanges", self._changes),
        )

    def _authorized(self, asked: Asked) -> None:
        token = asked.headers.get("authorization", "")
        known = (SDK_KEY,) if asked.path.startswith("/api/") else (TOKEN, READER)
        if token not in [f"Bearer {one}" for one in known]:
            raise Refused(401, "Authorization credentials required to access resource")
        if token == f"Bearer {READER}" and asked.method != "GET":
            raise Refused(403, "Insufficient permissions")

    def _known(self, workspace: str, key: str, environment: str) -> dict[str, Any]:
        if workspace != WORKSPACE or key not in self.flags or environment not in (ENVIRONMENT, "env-1"):
            raise Refused(404, "Object Not Found")
        return self.flags[key]

    def _get(self, _asked: Asked, workspace: str, key: str, environment: str) -> Answered:
        return Answered(body=copy.deepcopy(self._known(workspace, key, environment)))

    def _may_change(self) -> None:
        if self.requires_approval:
            raise Refused(403, "Approvals are required. orgId=org-1 envId=env-1")

    def _patch(self, asked: Asked, workspace: str, key: str, environment: str) -> Answered:
        flag = copy.deepcopy(self._known(workspace, key, environment))
        if asked.headers.get("content-type") != "application/json" or not isinstance(asked.json, list):
            raise Refused(400, "a JSON patch is a list of operations")
        self._may_change()
        changes: dict[str, Any] = {}
        for one in asked.json:
            name = str(one.get("path"))[1:]
            if set(one) != {"op", "path", "value"} or name not in _PATCHED:
                raise Refused(400, f"cannot apply {one}")
            if one["op"] == "test" and flag[name] != one["value"]:
                raise Refused(409, f"value differs from expectations at {one['path']}")
            if one["op"] == "replace":
                changes[name] = one["value"]
            elif one["op"] != "test":
                raise Refused(400, f"cannot apply {one['op']}")
        self._change(key, changes)
        return Answered(body=copy.deepcopy(self.flags[key]))

    def _kill(self, asked: Asked, workspace: str, key: str, environment: str) -> Answered:
        return self._killed(asked, workspace, key, environment, killed=True)

    def _restore(self, asked: Asked, workspace: str, key: str, environment: str) -> Answered:
        return self._killed(asked, workspace, key, environment, killed=False)

    def _killed(self, asked: Asked, workspace: str, key: str, environment: str, *, killed: bool) -> Answered:
        self._known(workspace, key, environment)
        if asked.body and not isinstance(asked.json, dict | type(None)):
            raise Refused(400, "the body is a comment")
        self._may_change()
        self._change(key, {"killed": killed})
        return Answered(body=copy.deepcopy(self.flags[key]))

    def _changes(self, asked: Asked) -> Answered:
        names = asked.query.get("names", "").split(",")
        if asked.query.get("since") != "-1" or asked.query.get("s") != "1.1":
            raise Refused(400, "since is missing")
        shown = [self._for_sdk(key) for key in self.flags if names in ([""], [key])]
        return Answered(body={"splits": shown, "since": -1, "till": self._version})

    # ── change requests ────────────────────────────────────────────────────────────────────────────────────

    def _list(self, asked: Asked) -> Answered:
        if asked.query.get("environmentId", ENVIRONMENT) not in (ENVIRONMENT, "env-1"):
            raise Refused(404, "Object Not Found")
        shown = [copy.deepcopy(one) for one in reversed(self.requests)]
        wanted = asked.query.get("status")
        shown = [one for one in shown if wanted in (None, one["status"])]
        return Answered(body={"data": shown, "nextMarker": None, "previousMarker": None, "limit": 100, "count": 1})

    def _request(self, asked: Asked, workspace: str, environment: str) -> Answered:
        body = asked.json
        known = {"split", "operationType", "title", "comment", "approvers", "rolloutStatus"}
        if set(body) - known or not {"split", "operationType", "title"} <= set(body):
            raise Refused(400, f"wrong change request {sorted(body)}")
        if body["operationType"] not in ("CREATE", "UPDATE", "KILL", "RESTORE", "ARCHIVE"):
            raise Refused(400, "wrong operationType")
        flag = self._known(workspace, body["split"]["name"], environment)
        self._check({**flag, **body["split"]})
        made = {
            "id": f"cr-{len(self.requests) + 1}", "status": "REQUESTED", "title": body["title"],
            "comment": body["comment"], "split": {**copy.deepcopy(flag), **body["split"]},
            "operationType": body["operationType"], "approvers": body["approvers"], "segment": None,
        }  # fmt: skip
        self.requests.append(made)
        return Answered(body=copy.deepcopy(made))

    def _update(self, asked: Asked, name: str) -> Answered:
        for one in self.requests:
            if one["id"] == name:
                one["status"] = asked.json["status"]
                return Answered(body=copy.deepcopy(one))
        raise Refused(404, "Object Not Found")

    # ── what it refuses ────────────────────────────────────────────────────────────────────────────────────

    def _check(self, flag: Mapping[str, Any]) -> None:
        names = {one["name"] for one in flag["treatments"]}
        for buckets in (flag["defaultRule"], *(rule["buckets"] for rule in flag["rules"])):
            sizes = [one["size"] for one in buckets]
            whole = all(isinstance(size, int) and 0 <= size <= 100 for size in sizes)
            if not whole or sum(sizes) != 100 or not {one["treatment"] for one in buckets} <= names:
                raise Refused(400, "sizes are whole percents of known treatments, and sum up to 100")
        for rule in flag["rules"]:
            if set(rule) != {"buckets", "condition"} or rule["condition"]["combiner"] != "AND":
                raise Refused(400, f"wrong rule {sorted(rule)}")
            for matcher in rule["condition"]["matchers"]:
                self._check_matcher(matcher)

    def _check_matcher(self, matcher: Mapping[str, Any]) -> None:
        kind = matcher.get("type")
        wanted = "strings" if kind in _WITH_STRINGS else "string" if kind in _WITH_STRING else ""
        if not wanted or set(matcher) - {"negate", "type", "attribute"} != {wanted}:
            raise Refused(400, f"wrong matcher {matcher}")
        version = r"\d+\.\d+\.\d+([-+].*)?"
        if kind in _SEMVER and not re.fullmatch(version, matcher["string"]):
            raise Refused(400, "no semantic version")


def _condition(kind: str, matchers: list[dict[str, Any]], sizes: list[tuple[str, int]]) -> dict[str, Any]:
    return {
        "conditionType": kind, "label": "default rule",
        "partitions": [{"treatment": name, "size": size} for name, size in sizes],
        "matcherGroup": {"combiner": "AND", "matchers": [_matcher(one) for one in matchers]},
    }  # fmt: skip


def _matcher(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "keySelector": {"trafficType": "user", "attribute": one.get("attribute")},
        "matcherType": _FOR_SDKS.get(one["type"], one["type"]),
        "negate": one.get("negate", False),
        "whitelistMatcherData": {"whitelist": one["strings"]} if "strings" in one else None,
        "stringMatcherData": one.get("string"),
    }
