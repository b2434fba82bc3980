"""R34, C6 35: in whichever POST of the API a server is killed, it is done once or not at all, and a repetition is told
so. Random requests are sent until one gets so far."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation

from pilotage.app import commands
from pilotage.app.homes import Attended
from pilotage.engine.records import audit
from pilotage.model.access import AccessRole
from pilotage.web.openapi import described
from pilotage.web.table import ROUTES
from tests.web.site import Served
from tests.web.test_schemathesis import shop, with_names

__all__ = ["shop"]

_WITHOUT_KEY = ("/login", "/ci/", "/hooks/", "/shell")
"""Nobody is known who could repeat it, or the answer is a stream."""
_ENDS_THE_TEST = "revoke-all"


@dataclass
class Mortal:
    """A server over the same store, which a failpoint kills; started again when it is dead."""

    folder: Path
    failpoint: str
    _process: subprocess.Popen[str] | None = None
    _url: str = ""

    def url(self) -> str:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.web.mortal", str(self.folder)], stdout=subprocess.PIPE, text=True,
                env={**os.environ, "PILOTAGE_FAILPOINT": self.failpoint},
            )  # fmt: skip
            assert self._process.stdout is not None
            self._url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        return self._url

    def is_dead(self) -> bool:
        return self._process is not None and self._process.wait(60) == -9

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()


@dataclass(kw_only=True)
class Killing:
    server: Served
    mortal: Mortal
    token: str
    killed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def rows(self) -> int:
        return sum(1 for _ in audit.all_rows(self.server.store.engine))

    def try_out(self, operation: APIOperation[Any, Any, Any, Any]) -> None:
        @seed(35)
        @settings(
            max_examples=10, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
        def ask(case: Any) -> None:
            if operation.label not in self.killed:
                self._ask(operation.label, case)

        ask()

    def _ask(self, label: str, case: Any) -> None:
        case.headers = {}
        own = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": label}
        before = self.rows()
        try:
            case.call(base_url=self.mortal.url(), headers={**own, "Idempotency-Key": os.urandom(8).hex()}, timeout=60)
        except requests.ConnectionError as error:
            sent = error.request
            assert sent is not None
            assert self.mortal.is_dead()
            own["Idempotency-Key"] = str(sent.headers["Idempotency-Key"])
            self._repeat(label, case, own, self.rows() - before)

    def _repeat(self, label: str, case: Any, own: Mapping[str, str], recorded: int) -> None:
        self.killed.append(label)
        before = self.rows()
        first, second = (case.call(base_url=self.server.url, headers=dict(own), timeout=60) for _ in range(2))
        told = first.status_code < 300 or "was carried out, but its server died" in first.text
        told = told or (recorded == 0 and first.status_code < 500)  # it was being refused
        alike = (first.status_code, first.content) == (second.status_code, second.content) or "secret" in second.text
        again = recorded > 0 and self.rows() != before
        early = recorded > 0 and self.mortal.failpoint == "request-committing"
        if not told or not alike or again or early:
            self.wrong.append(
                f"{label}: {recorded} rows, then {self.rows() - before}; "
                f"{first.status_code} {second.status_code} {first.text[:200]}"
            )


@pytest.fixture
def killing(
    request: pytest.FixtureRequest, shop: tuple[Served, Mapping[str, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Killing]:
    monkeypatch.setattr(commands, "attend", lambda *_: Attended.NOBODY)
    server, _ = shop
    server.person("fay", AccessRole.ADMIN)
    mortal = Mortal(server.site.project.folder, request.param)
    yield Killing(server=server, mortal=mortal, token=server.with_token("fay", "admin").token or "")
    mortal.end()


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("no_worker")
@pytest.mark.parametrize("killing", ["request-committing", "request-acted"], indirect=True)
def test_c6_35_killed_in_any_request_it_is_done_once_or_not_at_all(
    killing: Killing, shop: tuple[Served, Mapping[str, list[str]]]
) -> None:
    schema = schemathesis.openapi.from_dict(with_names(json.loads(json.dumps(described(ROUTES))), shop[1]))
    schema.config.generation.update(with_security_parameters=False)
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        without = any(part in operation.path for part in (*_WITHOUT_KEY, _ENDS_THE_TEST))
        if operation.method.upper() == "POST" and not without:
            killing.try_out(operation)
    assert killing.wrong == []
    assert len(killing.killed) > 15
