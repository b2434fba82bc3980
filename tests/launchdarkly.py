"""LaunchDarkly for tests: flags, semantic patches and approval requests over its REST API on a real socket.

It keeps state and checks every request as LaunchDarkly documents it: routes, methods, content types, the token without
`Bearer`, the API's version, each instruction with its parameters. Evaluation is by LaunchDarkly's own SDK, fed with
what is kept here. `tests/contract/test_launchdarkly.py` drives it with LaunchDarkly's own API client, too.
"""

from __future__ import annotations

import copy
import json
import re
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event
from typing import Any

from ldclient import Config, Context, LDClient
from ldclient.interfaces import FeatureStore, UpdateProcessor
from ldclient.versioned_data_kind import FEATURES

from tests.rest_server import Answered, Asked, RestServer

TOKEN, HUMAN, READER = "api-token-of-pilotage", "api-token-of-a-human", "api-token-that-reads"
PROJECT, ENVIRONMENT, FLAG = "shop", "production", "new-checkout"
SEMANTIC = "application/json; domain-model=launchdarkly.semanticpatch"
_VERSIONS = ("20240415", "20220603")
_APPROVALS = r"/api/v2/projects/([^/]+)/flags/([^/]+)/environments/([^/]+)/approval-requests"
_ROLLOUT = {"rolloutWeights", "rolloutBucketBy", "rolloutContextKind"}
_PARAMETERS: Mapping[str, tuple[set[str], set[str]]] = {
    "turnFlagOn": (set(), set()),
    "turnFlagOff": (set(), set()),
    "addRule": ({"clauses"}, {"variationId", "description", "beforeRuleId", "ref", *_ROLLOUT}),
    "removeRule": ({"ruleId"}, set()),
    "updateFallthroughVariationOrRollout": (set(), {"variationId", *_ROLLOUT}),
    "updateOffVariation": ({"variationId"}, set()),
    "addTargets": ({"values", "variationId"}, {"contextKind"}),
}
"""By kind: parameters that it must have, and those that it may have."""


class Refused(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.answer = Answered(status=status, body={"code": code, "message": message})


def invalid(why: str) -> Refused:
    return Refused(400, "invalid_request", why)


class LaunchDarklyServer(RestServer):
    """file: where services that use LaunchDarkly's SDK with a file of flags read them."""

    def __init__(self, file: Path | None = None) -> None:
        super().__init__()
        self.file = file
        self.flags: dict[str, dict[str, Any]] = {}
        self.approvals: dict[str, dict[str, Any]] = {}
        self.comments: list[str] = []
        self.requires_approval = False
        self.may_bypass = {HUMAN}
        self.scheduled = False
        """Whether a change is scheduled that turning the flag off would make fail."""
        self._store: FeatureStore | None = None
        self._sdk: LDClient | None = None
        for key in (FLAG, "other"):
            self.add(key)

    def add(self, key: str, values: tuple[Any, ...] = (True, False), off: int | None = 1, **more: Any) -> None:
        variations = [{"_id": str(uuid.uuid4()), "value": value} for value in values]
        config = {
            "on": False, "archived": False, "salt": uuid.uuid5(uuid.NAMESPACE_DNS, key).hex, "sel": uuid.uuid4().hex,
            "lastModified": 1_764_000_000_000, "version": 1, "targets": [], "contextTargets": [], "rules": [],
            "fallthrough": {"variation": 0}, "offVariation": off, "prerequisites": [],
            "_site": {"href": f"/{PROJECT}/{ENVIRONMENT}/features/{key}", "type": "text/html"},
            "_environmentName": "Production", "trackEvents": False, "trackEventsFallthrough": False,
        }  # fmt: skip
        self.flags[key] = {
            "name": key, "kind": "boolean" if values == (True, False) else "multivariate", "key": key, "_version": 1,
            "creationDate": 1_764_000_000_000, "variations": variations, "temporary": True, "tags": [],
            "_links": {"self": {"href": f"/api/v2/flags/{PROJECT}/{key}", "type": "application/json"}},
            "experiments": {"baselineIdx": 0, "items": []}, "customProperties": {}, "archived": False,
            "environments": {ENVIRONMENT: config}, **more,
        }  # fmt: skip
        self._publish(key)

    # ── what humans do ─────────────────────────────────────────────────────────────────────────────────────

    def config(self, key: str = FLAG) -> dict[str, Any]:
        found: dict[str, Any] = self.flags[key]["environments"][ENVIRONMENT]
        return found

    def edit(self, *instructions: Mapping[str, Any], key: str = FLAG) -> None:
        """A human's change, as the pages make it."""
        with self.lock:
            self._patched(key, list(instructions))

    def share(self, thousandths: int, key: str = FLAG) -> Mapping[str, Any]:
        """An instruction for a default rule that gives the first variation to so many thousandths of a percent."""
        on, off = (one["_id"] for one in self.flags[key]["variations"][:2])
        weights = {on: thousandths, off: 100_000 - thousandths}
        return {"kind": "updateFallthroughVariationOrRollout", "rolloutWeights": weights, "rolloutBucketBy": "key"}

    def review(self, kind: str, name: str | None = None) -> None:
        """kind: approved or declined."""
        with self.lock:
            self.approvals[name or next(reversed(self.approvals))]["reviewStatus"] = kind

    # ── evaluation by the vendor's SDK ─────────────────────────────────────────────────────────────────────

    def evaluate(self, user: str, attributes: Mapping[str, Any], key: str = FLAG) -> bool:
        with self.lock:
            if self._sdk is None:
                config = Config("sdk-key", update_processor_class=self._processor, send_events=False)
                self._sdk = LDClient(config, start_wait=5)
        builder = Context.builder(user)
        for name, value in attributes.items():
            builder.set(name, value)
        return self._sdk.variation(key, builder.build(), None) is True

    def close(self) -> None:
        if self._sdk is not None:
            self._sdk.close()  # type: ignore[no-untyped-call]

    def _processor(self, _config: Config, store: FeatureStore, ready: Event) -> UpdateProcessor:
        self._store = store
        store.init({FEATURES: {key: self._for_sdk(key) for key in self.flags}})
        ready.set()
        return _Fed()

    def _publish(self, key: str) -> None:
        if self._store is not None:
            self._store.upsert(FEATURES, self._for_sdk(key))
        if self.file is not None:
            whole = json.dumps({"flags": {name: self._for_sdk(name) for name in self.flags}})
            beside = self.file.with_suffix(".new")
            beside.write_text(whole)
            beside.replace(self.file)

    def _for_sdk(self, key: str) -> dict[str, Any]:
        config = copy.deepcopy(self.config(key))
        names = ("on", "salt", "version", "targets", "contextTargets", "fallthrough", "offVariation", "prerequisites")
        rules = [{**rule, "id": rule["_id"]} for rule in config["rules"]]
        values = [one["value"] for one in self.flags[key]["variations"]]
        return {"key": key, "variations": values, "rules": rules, **{name: config[name] for name in names}}

    # ── the API ────────────────────────────────────────────────────────────────────────────────────────────

    def take(self, asked: Asked) -> Answered:
        try:
            self._authorized(asked)
            for method, pattern, answer in self._routes():
                if (found := re.fullmatch(pattern, asked.path)) and asked.method == method:
                    return answer(asked, *found.groups())
            raise Refused(404, "not_found", "Invalid resource identifier")
        except Refused as error:
            return error.answer

    def _routes(self) -> tuple[tuple[str, str, Callable[..., Answered]], ...]:
        return (
            ("GET", r"/api/v2/flags/([^/]+)/([^/]+)", self._get),
            ("PATCH", r"/api/v2/flags/([^/]+)/([^/]+)", self._patch),
            ("GET", _APPROVALS, self._list),
            ("POST", _APPROVALS, self._request),
            ("GET", _APPROVALS + r"/([^/]+)", self._one),
            ("DELETE", _APPROVALS + r"/([^/]+)", self._delete),
            ("POST", _APPROVALS + r"/([^/]+)/apply", self._apply),
        )

    def _authorized(self, asked: Asked) -> None:
        token = asked.headers.get("authorization", "")
        if token not in (TOKEN, HUMAN, READER):
            raise Refused(401, "unauthorized", "Invalid access token")
        if asked.headers.get("ld-api-version", _VERSIONS[0]) not in _VERSIONS:
            raise invalid("Invalid API version")
        if token == READER and asked.method != "GET":
            raise Refused(403, "forbidden", "Access to the requested resource was denied")

    def _known(self, project: str, key: str, environment: str = ENVIRONMENT) -> dict[str, Any]:
        if project != PROJECT or key not in self.flags or environment != ENVIRONMENT:
            raise Refused(404, "not_found", "Unknown feature key" if project == PROJECT else "Unknown project")
        return self.flags[key]

    def _get(self, asked: Asked, project: str, key: str) -> Answered:
        flag = self._known(project, key)
        environment = asked.query.get("env")
        if set(asked.query) - {"env", "expand"}:
            raise invalid("unknown query parameter")
        shown = {name: config for name, config in flag["environments"].items() if environment in (None, name)}
        return Answered(body={**copy.deepcopy(flag), "environments": copy.deepcopy(shown)})

    def _patch(self, asked: Asked, project: str, key: str) -> Answered:
        flag = self._known(project, key)
        if asked.headers.get("content-type") != SEMANTIC:
            raise invalid("request body is not a valid JSON patch")
        body = asked.json
        if set(body) - {"comment", "environmentKey", "instructions"} or not body.get("instructions"):
            raise invalid("a semantic patch has instructions, environmentKey and a comment")
        self._known(project, key, body["environmentKey"])
        if self.requires_approval and asked.headers["authorization"] not in self.may_bypass:
            raise Refused(
                405, "method_not_allowed", "Flag configuration updates require approval: action 'updateOn' not allowed"
            )
        if self.scheduled and asked.query.get("ignoreConflicts") != "true":
            raise invalid("This change would cause a pending scheduled change to fail")
        if asked.query.get("dryRun") == "true":
            kept, version = copy.deepcopy(flag), flag["_version"]
            self._patched(key, body["instructions"], publish=False)
            preview, self.flags[key] = self.flags[key], kept
            assert self.flags[key]["_version"] == version
            return Answered(body=preview)
        self._patched(key, body["instructions"])
        self.comments.append(body.get("comment", ""))
        return Answered(body=copy.deepcopy(self.flags[key]))

    def _patched(self, key: str, instructions: list[Mapping[str, Any]], *, publish: bool = True) -> None:
        """All instructions or none; what changes nothing makes no new version."""
        flag = copy.deepcopy(self.flags[key])
        config = flag["environments"][ENVIRONMENT]
        before = copy.deepcopy(config)
        for one in instructions:
            must, may = _PARAMETERS.get(one.get("kind", ""), (None, None))
            if must is None or may is None:
                raise invalid(f"unknown kind {one.get('kind')}")
            given = set(one) - {"kind"}
            if must - given or given - must - may:
                raise invalid(f"{one['kind']}: wrong parameters {sorted(given)}")
            self._do(flag, config, one)
        if config != before:
            config["version"] += 1
            config["lastModified"] += 1000
            flag["_version"] += 1
        self.flags[key] = flag
        if publish:
            self._publish(key)

    def _do(self, flag: dict[str, Any], config: dict[str, Any], one: Mapping[str, Any]) -> None:
        match one["kind"]:
            case "turnFlagOn" | "turnFlagOff":
                config["on"] = one["kind"] == "turnFlagOn"
            case "updateFallthroughVariationOrRollout":
                config["fallthrough"] = self._served(flag, one)
            case "updateOffVariation":
                config["offVariation"] = self._index(flag, one["variationId"])
            case "removeRule":
                config["rules"] = [rule for rule in config["rules"] if rule["_id"] != one["ruleId"]]
            case "addTargets":
                config["targets"].append(
                    {
                        "values": one["values"],
                        "variation": self._index(flag, one["variationId"]),
                        "contextKind": one.get("contextKind", "user"),
                    }
                )
            case "addRule":
                rule = {
                    "_id": str(uuid.uuid4()),
                    **self._served(flag, one),
                    "clauses": [self._clause(clause) for clause in one["clauses"]],
                    "trackEvents": False,
                }
                if one.get("description"):
                    rule["description"] = one["description"]
                config["rules"].append(rule)

    def _served(self, flag: dict[str, Any], one: Mapping[str, Any]) -> dict[str, Any]:
        if ("variationId" in one) == ("rolloutWeights" in one):
            raise invalid("either variationId or rolloutWeights")
        if "variationId" in one:
            return {"variation": self._index(flag, one["variationId"])}
        weights = {self._index(flag, name): weight for name, weight in one["rolloutWeights"].items()}
        if (
            any(type(weight) is not int or weight < 0 for weight in weights.values())
            or sum(weights.values()) != 100_000
        ):
            raise invalid("rolloutWeights must sum to 100000")
        return {
            "rollout": {
                "variations": [{"variation": index, "weight": weight} for index, weight in sorted(weights.items())],
                "bucketBy": one.get("rolloutBucketBy") or "key",
                "contextKind": one.get("rolloutContextKind") or "user",
            }
        }

    def _clause(self, clause: Mapping[str, Any]) -> dict[str, Any]:
        if set(clause) != {"contextKind", "attribute", "op", "negate", "values"} or not clause["values"]:
            raise invalid(f"wrong clause {sorted(clause)}")
        return {"_id": str(uuid.uuid4()), **clause}

    def _index(self, flag: dict[str, Any], name: str) -> int:
        for index, one in enumerate(flag["variations"]):
            if one["_id"] == name:
                return index
        raise invalid(f"unknown variation {name}")

    # ── approvals ──────────────────────────────────────────────────────────────────────────────────────────

    def _list(self, _asked: Asked, project: str, key: str, environment: str) -> Answered:
        self._known(project, key, environment)
        items = [self._shown(one) for one in self.approvals.values() if one["flag"] == key]
        return Answered(body={"items": items, "_links": {}})

    def _request(self, asked: Asked, project: str, key: str, environment: str) -> Answered:
        self._known(project, key, environment)
        body = asked.json
        known = {"description", "instructions", "comment", "notifyMemberIds", "notifyTeamKeys", "executionDate"}
        if set(body) - known or not body.get("description") or not body.get("instructions"):
            raise invalid("an approval request has a description and instructions")
        name = uuid.uuid4().hex[:24]
        self.approvals[name] = {
            "flag": key, "_id": name, "_version": 1, "creationDate": 1_764_000_000_000, "serviceKind": "launchdarkly",
            "reviewStatus": "pending", "allReviews": [], "notifyMemberIds": [], "status": "pending", "conflicts": [],
            "_links": {}, "description": body["description"], "instructions": body["instructions"],
        }  # fmt: skip
        return Answered(status=201, body=self._shown(self.approvals[name]))

    def _approval(self, name: str) -> dict[str, Any]:
        if name not in self.approvals:
            raise Refused(404, "not_found", "Unknown approval request")
        return self.approvals[name]

    def _one(self, _asked: Asked, _project: str, _key: str, _environment: str, name: str) -> Answered:
        return Answered(body=self._shown(self._approval(name)))

    def _delete(self, _asked: Asked, _project: str, _key: str, _environment: str, name: str) -> Answered:
        self._approval(name)
        del self.approvals[name]
        return Answered(status=204)

    def _apply(self, asked: Asked, _project: str, _key: str, _environment: str, name: str) -> Answered:
        request = self._approval(name)
        if request["reviewStatus"] != "approved" or request["status"] != "pending":
            raise Refused(405, "method_not_allowed", "approval request cannot be applied")
        self._patched(request["flag"], request["instructions"])
        self.comments.append(asked.json.get("comment", ""))
        request.update(status="completed", appliedDate=1_764_000_000_000)
        return Answered(body=self._shown(request))

    @staticmethod
    def _shown(request: dict[str, Any]) -> dict[str, Any]:
        return {name: copy.deepcopy(value) for name, value in request.items() if name != "flag"}


class _Fed(UpdateProcessor):
    """Flags come from the server in this process."""

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def is_alive(self) -> bool:
        return True

    def initialized(self) -> bool:
        return True
