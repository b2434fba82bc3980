"""For `pilotage doctor`: whether AWS lets Pilotage in, and whether the listener is as it must be. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from pilotage.adapters.aws import NotAllowed
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.alb import AlbRouter
from pilotage.adapters.routers.alb_listener import Seen
from pilotage.adapters.routers.alb_rules import MOST_VALUES, priorities
from pilotage.model.finding import Finding
from pilotage.model.json import JsonObject, find, list_at, object_at, text_at

_ROUTES = 2
"""Header routes that a rollout may need at once: testers and a cohort."""


def examined(router: AlbRouter) -> Iterator[Finding]:
    try:
        who = text_at(router.aws.call("sts", "get_caller_identity"), "Arn")
    except AdapterError as error:
        yield Finding("FAIL", "AWS", str(error))
        return
    try:
        seen, listener = router.listener.seen(), _listener(router)
        model = router.groups.model_of(seen.weights()) if not router.settings.groups else {}
        groups = router.groups.every()
        for arn in seen.weights():
            router.groups.attributes(arn)
            router.groups.targets(arn)
    except NotAllowed as error:
        yield Finding("FAIL", "AWS", f"{who}: {error}")
        return
    except AdapterError as error:
        yield Finding("FAIL", "load balancer", str(error))
        return
    yield Finding("PASS", "AWS", f"{who} in {router.aws.access.region}")
    if missing := [name for name in router.settings.groups if len(groups) < len(router.settings.groups)]:
        yield Finding("FAIL", "load balancer", f"not all of the target groups {', '.join(missing)} exist")
        return
    yield from _findings(router, seen, listener, model)


def _findings(router: AlbRouter, seen: Seen, listener: JsonObject, model: JsonObject) -> Iterator[Finding]:
    protocol = str(find(listener, "Protocol"))
    if router.settings.network and protocol not in ("TCP", "TLS"):
        yield Finding("FAIL", "load balancer", f"the listener speaks {protocol}, and Pilotage knows TCP and TLS")
        return
    shown = f"{protocol} on port {find(listener, 'Port')}"
    if model and _sticky(router, text_at(model, "TargetGroupArn")) and not router.settings.sticky:
        yield Finding(
            "FAIL", "load balancer", "the target group keeps users on one target, and AWS then wants users kept on one "
            "group, too: set router.sticky"
        )  # fmt: skip
        return
    if not router.settings.network:
        yield from _room(seen)
    for main in seen.mains:
        yield Finding("PASS", "load balancer", f"{shown}; {main.shown()} {seen.shown(main)}")


def _room(seen: Seen) -> Iterator[Finding]:
    for main in seen.mains:
        try:
            priorities(main, [*seen.others, *seen.mains], _ROUTES)
        except AdapterError as error:
            yield Finding("WARN", "load balancer", str(error))
        values = sum(len(list_at(one, key)) for one in main.conditions for key in _keys(one))
        if values >= MOST_VALUES:
            yield Finding(
                "WARN", "load balancer", f"{main.shown()} has {values} values in its conditions, so there is no room "
                "for a header route"
            )  # fmt: skip


def _keys(condition: JsonObject) -> list[str]:
    return [key for key in condition if key == "Values"]


def _sticky(router: AlbRouter, arn: str) -> bool:
    return router.groups.attributes(arn).get("stickiness.enabled") == "true"


def _listener(router: AlbRouter) -> JsonObject:
    answer = router.aws.call("elbv2", "describe_listeners", {"ListenerArns": [router.settings.listener_arn]})
    return object_at(answer, "Listeners", 0)
