"""moto's load balancers and CloudWatch, mended where AWS does otherwise.

A cloud imports this when it starts: moto takes seconds of processor time, and every test process reads every file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.cloudwatch.models import Statistics, cloudwatch_backends
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.elbv2 import models
from moto.elbv2.models import elbv2_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server


def _arn_of_balancer(account_id: str, lb_id: str, name: str, region_name: str) -> str:
    """moto takes every load balancer for one of applications."""
    kind = "net" if name.startswith("net-") else "app"
    return f"arn:aws:elasticloadbalancing:{region_name}:{account_id}:loadbalancer/{kind}/{name}/{lb_id}"


def _trimmed(self: Statistics, stat: str, _usual: Callable[..., Any] = Statistics.get_statistics_for_type) -> Any:
    """moto has no trimmed counts."""
    if not stat.startswith("TC(:"):
        return _usual(self, stat)
    return float(sum(value <= float(stat[4:-1]) for value in self.metric_single_values_list))


setattr(Statistics, "get_statistics_for_type", _trimmed)  # noqa: B010
setattr(models, "make_arn_for_load_balancer", _arn_of_balancer)  # noqa: B010


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        pass


def application() -> Any:
    """All services of moto."""
    return DomainDispatcherApplication(create_backend_app)


def server(answer: Callable[..., Any]) -> BaseWSGIServer:
    """A server of `answer` on a free port."""
    return make_server("127.0.0.1", 0, answer, threaded=True, request_handler=_Quiet)


def forget(region: str) -> None:
    """Leave no load balancer and no count."""
    for backends in (elbv2_backends, cloudwatch_backends):
        backends[DEFAULT_ACCOUNT_ID][region].reset()
