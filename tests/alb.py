"""AWS as far as load balancers and CloudWatch go: moto's server on a real socket, stricter than moto is, and a data
plane, because moto's load balancers forward nothing.

`Cloud` passes each call to moto after it has checked what AWS checks and moto does not; it keeps targets and their
health itself, because moto knows one port of an address and calls everything healthy. `Balancer` reads rules from
moto's API and sends real requests on by them.
"""

from __future__ import annotations

import collections
import ipaddress
import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl

REGION, SECRETS = "eu-central-1", ("AKIATESTKEYOFTHETESTS", "secret-of-the-tests")
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": SECRETS[0],
    "AWS_SECRET_ACCESS_KEY": SECRETS[1],
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
}
_XMLNS = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"
_TAG = re.compile(r"[\w\s.:/=+\-@]*")
_RULES = ("ModifyRule", "ModifyListener", "CreateRule", "DeleteRule")
COOKIE = "AWSALBTG"
Start = Callable[..., Any]


@dataclass
class Target:
    state: str = "initial"
    passed: int = 0
    failed: int = 0
    until: float = 0.0


class Refusal(Exception):
    """What AWS answers instead."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


class Cloud:
    """broken: it refuses everything · down: it answers nothing · deny: actions that no policy allows · throttle: how
    many of the next calls of an action are refused · stale: seconds for which rules are shown as before a write ·
    allowed: all that a policy allows, None for everything · calls: every action, in order · on_call: hears of each ·
    changed: called after each change of rules."""

    def __init__(self) -> None:
        self.deny: set[str] = set()
        self.allowed: frozenset[str] | None = None
        self.throttle: collections.Counter[str] = collections.Counter()
        self.stale, self.down, self.broken = 0.0, False, False
        self.calls: list[str] = []
        self.changed: list[Callable[[], None]] = []
        self.on_call: Callable[[str], None] = lambda _: None
        self.targets: dict[str, dict[tuple[str, int], Target]] = {}
        self.attached: set[str] = set()
        self._clients: dict[str, Any] = {}
        self._old: tuple[float, bytes] = (0.0, b"")
        from . import alb_moto

        self._moto = alb_moto.application()
        self._forget = alb_moto.forget
        self._raw, self._front = alb_moto.server(self._moto), alb_moto.server(self._answer)
        self.url = f"http://127.0.0.1:{self._front.server_port}"
        for server in (self._raw, self._front):
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self.reset()

    def reset(self) -> None:
        """As new, with every permission."""
        self._forget(REGION)
        for one in (self.deny, self.throttle, self.calls, self.targets, self.attached, self.changed):
            one.clear()
        self.stale, self.down, self.broken = 0.0, False, False
        self.on_call = lambda _: None

    def end(self) -> None:
        for server in (self._front, self._raw):
            server.shutdown()
            server.server_close()

    def client(self, service: str) -> Any:
        """A client as another person uses it, past the checks."""
        if service not in self._clients:
            self._clients[service] = self._made(service)
        return self._clients[service]

    def _made(self, service: str) -> Any:
        import botocore.session

        return botocore.session.Session().create_client(
            service, region_name=REGION, endpoint_url=f"http://127.0.0.1:{self._raw.server_port}",
            aws_access_key_id=SECRETS[0], aws_secret_access_key=SECRETS[1],
        )  # fmt: skip

    # ── calls ──────────────────────────────────────────────────────────────────────────────────────────────

    def _answer(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        service = _service(environ)
        action = _action(environ, body)
        self.calls.append(f"{service}:{action}")
        self.on_call(action)
        try:
            if self.broken:
                raise Refusal("ValidationError", "nothing more")
            if self.down:
                raise Refusal("ServiceUnavailable", "try again later", 503)
            self._allow(environ, service, action)
            asked = _nested(body) if service == "elasticloadbalancing" else {}
            own = getattr(self, f"_{action}", None) if asked else None
            if asked:
                self._check(action, asked)
                if action == "DescribeRules" and time.monotonic() < self._old[0]:
                    return _said(start, 200, self._old[1])
                if action in _RULES and self.stale:
                    self._keep_old(environ, asked)
            if own:
                return _said(start, 200, own(asked))
        except Refusal as refusal:
            return _refused(environ, start, refusal)
        try:
            answer: Iterable[bytes] = self._moto(environ, start)
            return answer
        finally:
            if action in (*_RULES, "DeleteTargetGroup"):
                for changed in self.changed:
                    changed()

    def _allow(self, environ: Mapping[str, Any], service: str, action: str) -> None:
        signed = environ.get("HTTP_AUTHORIZATION", "")
        whose = rf"({SECRETS[0]}|ASIA\w+)"  # or those of an assumed role
        if not re.match(rf"AWS4-HMAC-SHA256 Credential={whose}/\d{{8}}/{REGION}/{service}/aws4_request", signed):
            raise Refusal("InvalidClientTokenId", "The security token included in the request is invalid.", 403)
        named = "cloudwatch" if service == "monitoring" else service
        beyond = self.allowed is not None and service != "sts" and f"{named}:{action}" not in self.allowed
        if action in self.deny or beyond:
            said = f"User: arn:aws:iam::1:user/ci is not authorized to perform: {named}:{action} on resource: *"
            raise Refusal("AccessDenied", said, 403)
        if self.throttle[action] > 0:
            self.throttle[action] -= 1
            raise Refusal("Throttling", "Rate exceeded")

    def _keep_old(self, environ: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
        listener = (
            asked.get("ListenerArn") or asked["RuleArn"].replace(":listener-rule/", ":listener/").rpartition("/")[0]
        )
        body = f"Action=DescribeRules&Version=2015-12-01&ListenerArn={listener}".encode()
        inner = {**environ, "wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        self._old = time.monotonic() + self.stale, b"".join(self._moto(inner, lambda *_: None))

    # ── what AWS checks ────────────────────────────────────────────────────────────────────────────────────

    def _check(self, action: str, asked: dict[str, Any]) -> None:
        network = ":listener/net/" in asked.get("ListenerArn", "")
        if network and action == "CreateRule":
            raise Refusal("ValidationError", "Rules are unsupported for Network Load Balancer listeners")
        for one in (*asked.get("Actions", ()), *asked.get("DefaultActions", ())):
            if network and one["Type"] != "forward":
                raise Refusal("InvalidLoadBalancerAction", "Network Load Balancers forward")
            if one["Type"] == "forward":
                self._check_forward(one, network)
            if len(one.get("FixedResponseConfig", {}).get("MessageBody", "")) > 1024:
                raise Refusal("ValidationError", "MessageBody has more than 1024 characters")
        values = [value for one in asked.get("Conditions", ()) for value in _values(one)]
        if len(values) > 5:
            raise Refusal("TooManyUniqueTargetGroupsPerLoadBalancer", "a rule has five condition values at most")
        for one in asked.get("Conditions", ()):
            if "Values" in one and any(key.endswith("Config") for key in one):
                raise Refusal("ValidationError", "specify either Values or the config of a condition")
        if any(not _TAG.fullmatch(tag["Value"]) or len(tag["Value"]) > 256 for tag in asked.get("Tags", ())):
            raise Refusal("ValidationError", "a tag has letters that no tag has")

    def _check_forward(self, action: Mapping[str, Any], network: bool) -> None:
        config = action.get("ForwardConfig", {})
        groups = config.get("TargetGroups") or [{"TargetGroupArn": action.get("TargetGroupArn")}]
        if len(groups) > 5:
            raise Refusal("TooManyTargetGroups", "a forward action has five target groups at most")
        sticky = config.get("TargetGroupStickinessConfig", {})
        if sticky.get("Enabled") == "true" and (network or not 1 <= int(sticky.get("DurationSeconds", 0)) <= 604800):
            raise Refusal("ValidationError", "the duration of stickiness is between 1 and 604800 seconds")
        client = self.client("elbv2")
        for group in groups:
            if not 0 <= int(group.get("Weight", 1)) <= 999:
                raise Refusal("ValidationError", "a weight is between 0 and 999")
            arn = group["TargetGroupArn"]
            found = client.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
            kept = any(one == {"Key": "stickiness.enabled", "Value": "true"} for one in found)
            if kept and len(groups) > 1 and sticky.get("Enabled") != "true":
                raise Refusal(
                    "InvalidLoadBalancerAction", "You must enable group stickiness on a rule if you enabled target "
                    "stickiness on one of its target groups"
                )  # fmt: skip

    # ── targets ────────────────────────────────────────────────────────────────────────────────────────────

    def _RegisterTargets(self, asked: Mapping[str, Any]) -> bytes:  # noqa: N802
        there = self._of_group(asked["TargetGroupArn"])
        for one in asked["Targets"]:
            if not one["Id"].startswith("i-"):
                ipaddress.ip_address(one["Id"])
            at = one["Id"], int(one["Port"])
            if at not in there or there[at].state == "draining":
                there[at] = Target()
        return _result("RegisterTargets", "")

    def _DeregisterTargets(self, asked: Mapping[str, Any]) -> bytes:  # noqa: N802
        there = self._of_group(asked["TargetGroupArn"])
        found = self.client("elbv2").describe_target_group_attributes(TargetGroupArn=asked["TargetGroupArn"])
        (delay,) = [one["Value"] for one in found["Attributes"] if one["Key"] == "deregistration_delay.timeout_seconds"]
        for one in asked["Targets"]:
            if (at := (one["Id"], int(one["Port"]))) in there:
                there[at].state, there[at].until = "draining", time.monotonic() + float(delay)
        return _result("DeregisterTargets", "")

    def _DescribeTargetHealth(self, asked: Mapping[str, Any]) -> bytes:  # noqa: N802
        arn = asked["TargetGroupArn"]
        members = "".join(
            f"<member><Target><Id>{host}</Id><Port>{port}</Port></Target><TargetHealth><State>{state}</State>"
            "</TargetHealth></member>"
            for (host, port), state in self.states(arn).items()
        )
        return _result("DescribeTargetHealth", f"<TargetHealthDescriptions>{members}</TargetHealthDescriptions>")

    def states(self, arn: str) -> dict[tuple[str, int], str]:
        """As AWS shows them: nothing is known of a group that no rule names."""
        there, now = self._of_group(arn), time.monotonic()
        for at in [at for at, one in there.items() if one.state == "draining" and one.until <= now]:
            there.pop(at, None)
        return {at: one.state if arn in self.attached else "unused" for at, one in list(there.items())}

    def _of_group(self, arn: str) -> dict[tuple[str, int], Target]:
        if arn not in self.targets:
            try:
                self.client("elbv2").describe_target_groups(TargetGroupArns=[arn])
            except Exception:
                raise Refusal("TargetGroupNotFound", "One or more target groups not found") from None
        return self.targets.setdefault(arn, {})


def _service(environ: Mapping[str, Any]) -> str:
    found = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    return {"monitoring": "monitoring"}.get(found[1], found[1]) if found else ""


def _action(environ: Mapping[str, Any], body: bytes) -> str:
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return str(target).rpartition(".")[2]
    if "/operation/" in environ["PATH_INFO"]:
        return str(environ["PATH_INFO"].rpartition("/")[2])
    return dict(parse_qsl(body.decode(errors="replace"))).get("Action", "")


def _nested(body: bytes) -> dict[str, Any]:
    """Parameters of the query protocol as a document."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(body.decode(), keep_blank_values=True):
        place: Any = found
        parts = name.split(".")
        for part in parts[:-1]:
            place = place.setdefault(part, {})
        place[parts[-1]] = value
    return {key: _lists(value) for key, value in found.items()}


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if set(value) == {"member"}:
        return [_lists(one) for _, one in sorted(value["member"].items(), key=lambda one: int(one[0]))]
    return {key: _lists(one) for key, one in value.items()}


def _values(condition: Mapping[str, Any]) -> list[str]:
    config = next((value for key, value in condition.items() if key.endswith("Config")), condition)
    return list(config.get("Values", ()))


def _result(action: str, inner: str) -> bytes:
    return (
        f'<{action}Response xmlns="{_XMLNS}"><{action}Result>{inner}</{action}Result><ResponseMetadata>'
        f"<RequestId>1</RequestId></ResponseMetadata></{action}Response>"
    ).encode()


def _error(refusal: Refusal) -> bytes:
    return (
        f'<ErrorResponse xmlns="{_XMLNS}"><Error><Type>Sender</Type><Code>{refusal.code}</Code><Message>'
        f"{refusal.message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    ).encode()


def _refused(environ: Mapping[str, Any], start: Start, refusal: Refusal) -> Iterable[bytes]:
    """In the words of the protocol that was asked in."""
    if "/operation/" not in environ["PATH_INFO"] and "HTTP_X_AMZ_TARGET" not in environ:
        return _said(start, refusal.status, _error(refusal))
    cbor = "/operation/" in environ["PATH_INFO"]
    body = {"__type": f"com.amazonaws.cloudwatch#{refusal.code}", "message": refusal.message}
    said = (
        b"\xa2" + b"".join(_cbor(text) for pair in body.items() for text in pair) if cbor else json.dumps(body).encode()
    )
    kind = "application/cbor" if cbor else "application/x-amz-json-1.0"
    headers = [("Content-Type", kind), ("smithy-protocol", "rpc-v2-cbor"), ("Content-Length", str(len(said)))]
    start(f"{refusal.status} -", headers)
    return [said]


def _cbor(text: str) -> bytes:
    """RFC 8949, 3.1: a text of less than 65536 bytes."""
    return b"\x79" + len(text.encode()).to_bytes(2, "big") + text.encode()


def _said(start: Start, status: int, body: bytes) -> Iterable[bytes]:
    start(f"{status} -", [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
    return [body]
