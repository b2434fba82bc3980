"""The data plane of a load balancer of AWS: requests go where its rules say, to targets that its health checks found
well, and users keep a target group by a cookie. Counts go to moto's CloudWatch."""

from __future__ import annotations

import base64
import collections
import contextlib
import fnmatch
import http.client
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import urllib3

from .alb import REGION, Cloud, Target

COOKIE = "AWSALBTG"
_CHECKS_EVERY, _PASSES, _FAILS = 0.05, 2, 2
NAMESPACE = "AWS/ApplicationELB"


@dataclass
class Counts:
    """What CloudWatch hears of one target group in one period."""

    requests: int = 0
    statuses: collections.Counter[str] = field(default_factory=collections.Counter)
    refused: int = 0
    times: list[float] = field(default_factory=list)


class Balancer(ThreadingHTTPServer):
    """kind: application or network · conditions: where a rule leads users instead of the listener's default action ·
    legacy: what users have before Pilotage comes."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, cloud: Cloud, *, kind: str = "application", legacy: tuple[str, int] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.cloud, self.kind = cloud, kind
        self.elbv2 = cloud.client("elbv2")
        self.port = int(self.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.rules: list[dict[str, Any]] = []
        self.groups: dict[str, dict[str, Any]] = {}
        self.counts: dict[tuple[str, int], Counts] = collections.defaultdict(Counts)
        self.period = 60
        self._lock, self._over = threading.Lock(), threading.Event()
        self.pool = urllib3.PoolManager(maxsize=32, num_pools=64)
        self._make(kind)
        if legacy:
            self.elbv2.register_targets(TargetGroupArn=self.legacy, Targets=[{"Id": legacy[0], "Port": legacy[1]}])
            self.cloud.targets[self.legacy] = {legacy: Target()}
        cloud.changed.append(self.refresh)
        self.refresh()
        threading.Thread(target=self._check_for_ever, daemon=True).start()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def _make(self, kind: str) -> None:
        ec2 = self.cloud.client("ec2")
        vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        subnets = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"][:2]]
        found = self.elbv2.create_load_balancer(Name=f"{kind[:3]}-{self.port}", Subnets=subnets, Type=kind)
        self.arn = found["LoadBalancers"][0]["LoadBalancerArn"]
        web = kind == "application"
        checks = {"HealthCheckProtocol": "HTTP", "HealthCheckPath": "/healthz", "Matcher": {"HttpCode": "200"}}
        made = self.elbv2.create_target_group(
            Name=f"legacy-{self.port}", Protocol="HTTP" if web else "TCP", Port=8000, VpcId=vpc, TargetType="ip",
            HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, **checks,
        )  # fmt: skip
        self.legacy = made["TargetGroups"][0]["TargetGroupArn"]
        delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "1"}]
        self.elbv2.modify_target_group_attributes(TargetGroupArn=self.legacy, Attributes=delay)
        listener = self.elbv2.create_listener(
            LoadBalancerArn=self.arn, Protocol="HTTP" if web else "TCP", Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.legacy}],
        )  # fmt: skip
        self.listener = listener["Listeners"][0]["ListenerArn"]

    def end(self) -> None:
        self._over.set()
        self.shutdown()
        self.server_close()

    def rule(self, path: str, priority: int) -> str:
        """A rule of the owner's that forwards a path to what users have."""
        made = self.elbv2.create_rule(
            ListenerArn=self.listener, Priority=priority,
            Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": [path]}}],
            Actions=[{"Type": "forward", "TargetGroupArn": self.legacy}],
        )  # fmt: skip
        self.refresh()
        return str(made["Rules"][0]["RuleArn"])

    def shown(self) -> list[dict[str, Any]]:
        """Every rule, as moto has it."""
        rules: list[dict[str, Any]] = self.elbv2.describe_rules(ListenerArn=self.listener)["Rules"]
        return rules

    def refresh(self) -> None:
        rules = self.shown()
        named = {arn for rule in rules for arn in weights_of(rule["Actions"][-1])}
        if missing := list(named - set(self.groups)):
            found = self.elbv2.describe_target_groups(TargetGroupArns=missing)["TargetGroups"]
            self.groups |= {one["TargetGroupArn"]: one for one in found}
        with self._lock:
            self.rules = sorted(rules, key=_order)
            self.cloud.attached = named

    # ── health ─────────────────────────────────────────────────────────────────────────────────────────────

    def _check_for_ever(self) -> None:
        while not self._over.wait(_CHECKS_EVERY):
            for arn in list(self.cloud.attached):
                path = self.groups.get(arn, {}).get("HealthCheckPath") or "/"
                for (host, port), target in list(self.cloud.targets.get(arn, {}).items()):
                    if target.state != "draining":
                        self._check(host, port, path, target)

    def _check(self, host: str, port: int, path: str, target: Target) -> None:
        connection = http.client.HTTPConnection(host, port, timeout=1.0)
        try:
            connection.request("GET", path, headers={"User-Agent": "ELB-HealthChecker/2.0"})
            well = connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            well = False
        finally:
            connection.close()
        target.passed, target.failed = (target.passed + 1, 0) if well else (0, target.failed + 1)
        if target.state == "draining":
            return
        if target.passed >= _PASSES:
            target.state = "healthy"
        elif target.failed >= _FAILS:
            target.state = "unhealthy"

    # ── requests ───────────────────────────────────────────────────────────────────────────────────────────

    def action_for(self, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
        with self._lock:
            rules = self.rules
        return next(
            rule["Actions"][-1] for rule in rules if all(_meets(one, path, headers) for one in rule["Conditions"])
        )

    def choose(self, action: Mapping[str, Any], cookies: str) -> tuple[str, bool]:
        """The target group of a request, and whether its user gets a cookie. One that a cookie names is taken whatever
        its weight."""
        weights = weights_of(action)
        sticky = action.get("ForwardConfig", {}).get("TargetGroupStickinessConfig", {}).get("Enabled", False)
        if sticky and (kept := _kept(cookies)) in weights:
            return kept, True
        total = sum(weights.values())
        chosen = random.choices([*weights], [*weights.values()])[0] if total else next(iter(weights))
        return chosen, bool(sticky)

    def target_in(self, arn: str) -> tuple[str, int] | None:
        """One that is healthy; where none is, any that was checked."""
        there = list(self.cloud.targets.get(arn, {}).items())
        for state in ("healthy", "unhealthy"):
            if found := [at for at, one in there if one.state == state]:
                return random.choice(found)
        return None

    def count(self, arn: str, status: int, seconds: float, *, refused: bool = False) -> None:
        now = int(time.time()) // self.period * self.period
        with self._lock:
            counts = self.counts[arn, now]
            counts.requests += 1
            counts.refused += refused
            counts.statuses[f"{status // 100}XX"] += not refused
            counts.times.append(seconds)

    def publish(self) -> None:
        """Tell CloudWatch of every period that is over."""
        now = int(time.time()) // self.period * self.period
        with self._lock:
            over = {key: self.counts.pop(key) for key in [key for key in self.counts if key[1] < now]}
        client = self.cloud.client("cloudwatch")
        for (arn, at), counts in over.items():
            tell(client, self.arn, arn, at, counts)


def tell(client: Any, balancer: str, group: str, at: float, counts: Counts) -> None:
    """One period's figures of a target group, as AWS publishes them."""
    dimensions = [
        {"Name": "TargetGroup", "Value": group.rpartition(":")[2]},
        {"Name": "LoadBalancer", "Value": balancer.partition("loadbalancer/")[2]},
    ]
    about: dict[str, Any] = {"Dimensions": dimensions, "Timestamp": datetime.fromtimestamp(at, UTC)}
    data = [{**about, "MetricName": "RequestCount", "Value": float(counts.requests)}]
    data += [
        {**about, "MetricName": f"HTTPCode_Target_{status}_Count", "Value": float(count)}
        for status, count in counts.statuses.items()
        if count
    ]
    if counts.refused:
        data.append({**about, "MetricName": "TargetConnectionErrorCount", "Value": float(counts.refused)})
    data += [{**about, "MetricName": "TargetResponseTime", "Value": seconds} for seconds in counts.times]
    for first in range(0, len(data), 500):
        client.put_metric_data(Namespace=NAMESPACE, MetricData=data[first : first + 500])


def weights_of(action: Mapping[str, Any]) -> dict[str, int]:
    if action["Type"] != "forward":
        return {}
    groups = action.get("ForwardConfig", {}).get("TargetGroups")
    if not groups:
        return {action["TargetGroupArn"]: 1}
    return {one["TargetGroupArn"]: int(one.get("Weight", 1)) for one in groups}


def _order(rule: Mapping[str, Any]) -> tuple[bool, int]:
    return rule["IsDefault"], 0 if rule["IsDefault"] else int(rule["Priority"])


def _meets(condition: Mapping[str, Any], path: str, headers: Mapping[str, str]) -> bool:
    match condition["Field"]:
        case "path-pattern":
            wanted = (condition.get("PathPatternConfig") or condition)["Values"]
            return any(fnmatch.fnmatchcase(path.partition("?")[0], one) for one in wanted)
        case "http-header":
            config = condition["HttpHeaderConfig"]
            there = headers.get(config["HttpHeaderName"], "")
            return any(fnmatch.fnmatchcase(there.lower(), one.lower()) for one in config["Values"])
        case "source-ip":
            return "127.0.0.1/32" in condition["SourceIpConfig"]["Values"]
        case "host-header":
            wanted = (condition.get("HostHeaderConfig") or condition)["Values"]
            return any(fnmatch.fnmatchcase(headers.get("Host", "").lower(), one.lower()) for one in wanted)
    raise AssertionError(condition)


def _kept(cookies: str) -> str:
    with contextlib.suppress(CookieError, ValueError, KeyError):
        return base64.urlsafe_b64decode(SimpleCookie(cookies)[COOKIE].value).decode()
    return ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: Balancer

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        action = self.server.action_for(self.path, self.headers)  # type: ignore[arg-type]
        if action["Type"] == "fixed-response":
            config = action["FixedResponseConfig"]
            self._say(int(config["StatusCode"]), config.get("MessageBody", "").encode(), {})
            return
        group, sticky = self.server.choose(action, self.headers.get("Cookie", ""))
        target = self.server.target_in(group)
        if target is None:
            self._say(503, b"Service Temporarily Unavailable", {})
            return
        began = time.monotonic()
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        headers |= {"Host": self.headers.get("Host", ""), "X-Forwarded-For": self.client_address[0]}
        try:
            answer = self.server.pool.request(
                self.command, "http://{}:{}{}".format(*target, self.path), body=body or None, headers=headers,
                timeout=10.0, retries=False, redirect=False,
            )  # fmt: skip
        except urllib3.exceptions.HTTPError:
            self.server.count(group, 502, 0.0, refused=True)
            self._say(502, b"Bad Gateway", {})
            return
        self.server.count(group, answer.status, time.monotonic() - began)
        kept = base64.urlsafe_b64encode(group.encode()).decode() if sticky else ""
        self._say(answer.status, answer.data, dict(answer.headers), kept)

    do_POST = do_PUT = do_HEAD = do_GET  # noqa: N815

    def _say(self, status: int, body: bytes, headers: Mapping[str, str], kept: str = "") -> None:
        self.send_response(status)
        if kept:
            self.send_header("Set-Cookie", f"{COOKIE}={kept}; Path=/")
            self.send_header("Set-Cookie", f"{COOKIE}CORS={kept}; Path=/; SameSite=None; Secure")
        for name, value in headers.items():
            if name.lower() not in ("content-length", "connection", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


__all__ = ["COOKIE", "REGION", "Balancer", "Counts", "tell"]
