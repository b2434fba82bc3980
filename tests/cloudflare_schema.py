"""What properties of pools and load balancers may be, after Cloudflare's published OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Object = dict[str, Any]
Check = Callable[[Any], bool]


class Refusal(Exception):
    """An answer other than 200. code: Cloudflare's own."""

    def __init__(self, status: int, code: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers


# ── what properties may be ─────────────────────────────────────────────────────────────────────────────────


def _text(pattern: str = "", longest: int = 10_000) -> Check:
    return lambda value: isinstance(value, str) and len(value) <= longest and bool(re.search(pattern, value))


def _number(least: float, most: float, step: float = 0) -> Check:
    def check(value: Any) -> bool:
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most
        return is_number and (not step or abs(value / step - round(value / step)) < 1e-9)

    return check


def _one_of(*values: str) -> Check:
    return lambda value: value in values


def _object(known: Mapping[str, Check]) -> Check:
    return lambda value: isinstance(value, dict) and all(k in known and known[k](v) for k, v in value.items())


def _list(check: Check, least: int = 0) -> Check:
    return lambda value: isinstance(value, list) and len(value) >= least and all(map(check, value))


def _mapping(check: Check) -> Check:
    return lambda value: isinstance(value, dict) and all(map(check, value.values()))


def _truth(value: Any) -> bool:
    return isinstance(value, bool)


_ID = _text(r"^[0-9a-f]{32}$")
_ORIGIN = _object(
    {
        "name": _text(r"."), "address": _text(r"."), "port": _number(0, 65_535, 1), "enabled": _truth,
        "weight": _number(0, 1, 0.01), "virtual_network_id": _text(r"^[0-9a-f-]{36}$"),
        "header": _object({"Host": _list(_text(r"."), 1)}), "flatten_cname": _truth,
    }
)  # fmt: skip
POOL = {
    "name": _text(r"^[A-Za-z0-9_-]+$"), "description": _text(), "enabled": _truth,
    "minimum_origins": _number(0, 1000, 1),
    "monitor": lambda value: value is None or _ID(value), "origins": _list(_ORIGIN, 1), "notification_email": _text(),
    "origin_steering": _object({"policy": _one_of("random", "hash", "least_outstanding_requests")}),
    "check_regions": _list(_text(r"^[A-Z_]+$")), "latitude": _number(-90, 90), "longitude": _number(-180, 180),
}  # fmt: skip
_STEERING = _object({"default_weight": _number(0, 1, 0.1), "pool_weights": _mapping(_number(0, 1, 0.01))})
_FIXED = _object(
    {
        "status_code": _number(100, 599, 1), "content_type": _text(longest=32), "message_body": _text(longest=1024),
        "location": _text(longest=2048),
    }
)  # fmt: skip
_RULE = _object(
    {
        "name": _text(longest=200), "condition": _text(), "disabled": _truth, "priority": _number(0, 10_000, 1),
        "terminates": _truth, "fixed_response": _FIXED, "overrides": lambda value: isinstance(value, dict),
    }
)  # fmt: skip
BALANCER = {
    "name": _text(r"^[a-z0-9.*-]+$"), "description": _text(), "enabled": _truth, "proxied": _truth,
    "ttl": _number(10, 86_400), "fallback_pool": _ID, "default_pools": _list(_ID, 1), "random_steering": _STEERING,
    "region_pools": _mapping(_list(_ID)), "country_pools": _mapping(_list(_ID)), "pop_pools": _mapping(_list(_ID)),
    "steering_policy": _one_of(
        "off", "geo", "random", "dynamic_latency", "proximity", "least_outstanding_requests", "least_connections", ""
    ),
    "session_affinity": _one_of("none", "cookie", "ip_cookie", "header", ""),
    "session_affinity_ttl": _number(1800, 604_800),
    "session_affinity_attributes": _object(
        {
            "drain_duration": _number(0, 3600), "samesite": _one_of("Auto", "Lax", "None", "Strict"),
            "secure": _one_of("Auto", "Always", "Never"),
            "zero_downtime_failover": _one_of("none", "temporary", "sticky"),
        }
    ),
    "adaptive_routing": _object({"failover_across_pools": _truth}), "rules": _list(_RULE),
    "location_strategy": _object({"mode": _one_of("pop", "resolver_ip"), "prefer_ecs": _text()}),
}  # fmt: skip


def checked(content: Any, known: Mapping[str, Check]) -> Object:
    if not isinstance(content, dict):
        raise Refusal(400, 1002, "malformed JSON")
    for name, value in content.items():
        if name not in known or not known[name](value):
            raise Refusal(400, 1002, f"validation failed: {name} is invalid")
    return content
