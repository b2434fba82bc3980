"""A probe: one critical function of a service, tried again and again at each instance while users can have it (R12)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Probe:
    """A GET request (`http`) or a command (`run`), never both.

    http: a path at each instance · run: an argument list, no shell, with `{version}`, `{host}`, `{port}` and `{url}`
    filled in; it passes when it exits with 0 · status, contains: what the answer must be · every: seconds between two
    rounds · failures: so many in a row at one instance are a failure of the version · timeout: seconds of one try ·
    environment, pass_env: what a command sees beside what every program gets, as the configuration names it.
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
