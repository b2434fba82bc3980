"""A probe: one critical function of a service, tried again and again at each instance while users can have it (R12)."""

from __future__ import annotations

from dataclasses import dataclass

PROBE = "probe "
"""Starts the metric of each probe's verdict; the probe's name follows."""


@dataclass(frozen=True)
class Probe:
    """A GET request (`http`) or a command (`run`), never both.

    http: a path at each instance · run: an argument list, no shell, with `{version}`, `{host}`, `{port}` and `{url}`
    filled in; it passes when it exits with 0 · status, contains: the required answer · every: seconds between two
    rounds · failures: consecutive failures at one instance that fail the version · timeout: seconds of one try ·
    environment, pass_env: variables that a command gets in addition to the usual ones, as configured.
    """

    name: str
    http: str = ""
    run: tuple[str, ...] = ()
    status: int = 200
    contains: str = ""
    every: float = 5.0
    failures: int = 3
    timeout: float = 2.0
    environment: tuple[tuple[str, str], ...] = ()
    pass_env: tuple[str, ...] = ()
