"""The first pilotage.yaml of a service, with its comments."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pilotage.adapters.routers.embedded import NAMES, embedded_kind
from pilotage.app.proposals.balancers import Balancer


@dataclass(frozen=True, kw_only=True)
class Start:
    """How one instance starts, its health check, the number of instances, and where users reach them.

    command, cwd, env: as of the process fleet · image, container_port: as of the container fleet; without an image
    instances are processes · balancer: what splits the traffic; None for the embedded router at `listen`.
    """

    command: tuple[str, ...]
    cwd: str
    env: Mapping[str, str]
    health: str
    count: int
    listen: str
    image: str = ""
    container_port: int | None = None
    balancer: Balancer | None = None


def content(service: str, answers: Mapping[str, str], start: Start, checks: str, readiness: str, way: str) -> str:
    """The file. answers: by question · checks, readiness, way: parts that the folder's files suggest."""
    return f"""\
# yaml-language-server: $schema=.pilotage/pilotage.schema.json
# What Pilotage needs to know of this service. `pilotage validate` checks it, `pilotage docs` explains each setting.
service: {service}

# The six answers; with them `pilotage plan VERSION` works out everything else.
answers:
  release_type: {answers["release_type"]}
  deployment_strategy: {answers["deployment_strategy"]}
  team_size: {answers["team_size"]}
  release_frequency: {answers["release_frequency"]}
  risk_tolerance: {answers["risk_tolerance"]}
  stakeholder_complexity: [{answers["stakeholder_complexity"]}]

environments:
  production:
{_container(start) if start.image else _process(start)}\
      count: {start.count}
      health_check_path: {start.health}   # returns 2xx when the instance is healthy
{_behind(start.balancer) if start.balancer else _embedded(start.listen)}\
    # What counts as an error of users; without it 5xx alone, and a page that went missing does not count.
    # errors: [5xx, 404]
    # Critical functions, tried at each instance of both versions while a release is watched.
    # probes: [{{http: /login, contains: Sign in}}]
{checks}    # Set any number of the plan here, by its path. `pilotage plan` lists them all with their sources.
    # overrides:
    #   canary.phase_duration: 30m
    #   canary.weights: [1%, 10%, 50%, 100%]

{readiness}
{way}"""


def _process(start: Start) -> str:
    home = f"\n      cwd: {json.dumps(start.cwd)}   # each version is in its own folder" if start.cwd else ""
    given = f"\n      env: {{{', '.join(f'{k}: {json.dumps(v)}' for k, v in start.env.items())}}}" if start.env else ""
    return f"""\
    # Instances are processes on this machine: an argument list (no shell), with a free port and the version filled in.
    fleet:
      kind: process
      command: {json.dumps(start.command)}{home}{given}
"""


def _container(start: Start) -> str:
    inside = f"\n      container_port: {start.container_port}   # on which the program in the container listens"
    port = (
        inside if start.container_port else '\n      env: {PORT: "{port}"}   # the container uses the host\'s network'
    )
    return f"""\
    # Instances are containers on this machine, by podman or docker.
    fleet:
      kind: container
      image: {json.dumps(start.image)}   # kept by its digest, whatever the tag becomes{port}
"""


def _behind(balancer: Balancer) -> str:
    lines = "".join(f"\n      {line}" for line in balancer.section)
    return f"""\
    # Users reach the service through your {NAMES_OF[balancer.kind]}. `pilotage doctor` says what it lacks.
    router:
      kind: {balancer.kind}{lines}
    # Requests, errors and latencies as it counts them.
    metrics: {balancer.metrics}
"""


NAMES_OF = {"haproxy": "HAProxy", "nginx": "nginx"}


def _embedded(listen: str) -> str:
    kind = embedded_kind()
    return f"""\
    # Users reach the service through an embedded {NAMES[kind]}. It gives each a cookie, so that they stay on their
    # version.
    router:
      kind: {kind}
      listen: "{listen}"
      sticky: {{cookie: pilotage_user}}   # a name that the application itself does not use
    # Requests, errors and latencies as that {NAMES[kind]} counts them.
    metrics: {{kind: {kind}}}
"""
