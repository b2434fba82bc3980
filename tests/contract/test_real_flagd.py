"""The real flagd (R16) follows what Pilotage serves, by HTTP and by gRPC, and services ask it as they do everywhere.

No registry of packages has a flagd. Put one on PATH, and these tests run.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from openfeature import api
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import CacheType, ResolverType
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

from pilotage.adapters.fence import Fence
from pilotage.adapters.flags.bucketing import KEY
from pilotage.adapters.flags.flagd_adapter import ADAPTER, FlagdSection
from pilotage.adapters.flags.flagd_file import FlagdFile
from pilotage.adapters.free_port import free_port
from pilotage.adapters.ports import Flags
from pilotage.model.flag import OFF, Ramp
from pilotage.model.segment import Segment
from pilotage.testing import FlagsUnderTest, written
from pilotage.testing.contracts.flags import FlagsContract

from .test_flag_serving import Served, domain, it, until, value, within

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("flagd") is None, reason="no flagd on PATH; no registry of packages has one"),
]
__all__ = ["domain", "it"]
TOKEN = "s3cret-of-flags"


class RealFlagd:
    """flagd with one source of ours."""

    def __init__(self, folder: Path, source: Mapping[str, object]) -> None:
        self.rpc, self.ofrep, self.sync = free_port(), free_port(), free_port()
        program = shutil.which("flagd")
        assert program is not None
        ports = {"--port": self.rpc, "--ofrep-port": self.ofrep, "--sync-port": self.sync, "-m": free_port()}
        arguments = [str(part) for pair in ports.items() for part in pair]
        with (folder / "flagd.log").open("wb") as log:
            self._process = subprocess.Popen(
                [program, "start", *arguments, "--sources", json.dumps([source])], stdout=log, stderr=log
            )

    def evaluate(self, domain: str) -> None:
        """Services of this domain ask it over OFREP."""
        within(OFREPProvider(f"http://127.0.0.1:{self.ofrep}"), domain)

    def has(self, domain: str, file: Path) -> bool:
        """Whether it answers for the definitions that the file has now: a flag of the test carries their tag."""
        tag = json.loads(file.read_text())["flags"]["tag"]["defaultVariant"]
        return bool(api.get_client(domain).get_string_value("tag", "", EvaluationContext("x")) == tag)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture(params=["http", "grpc"])
def flagd(request: pytest.FixtureRequest, it: Served) -> Iterator[RealFlagd]:
    sources: dict[str, dict[str, object]] = {
        "http": {"uri": f"{it.url}/shop/production/flags.json", "provider": "http", "interval": 1},
        "grpc": {"uri": f"127.0.0.1:{it.serving.sync}", "provider": "grpc", "selector": "shop/production"},
    }
    made = RealFlagd(it.folder, sources[request.param])
    yield made
    made.end()


class Tagged(FlagdFile):
    """Somebody else's flag in the same file changes with each write, so that a test knows what flagd has seen."""

    def apply(self, ramp: Ramp) -> None:
        super().apply(ramp)
        whole = json.loads(self._file.read_text())
        tags = whole["flags"].get("tag", {"variants": {"0": "0"}})["variants"]
        tag = str(len(tags))
        whole["flags"]["tag"] = {"state": "ENABLED", "variants": {**tags, tag: tag}, "defaultVariant": tag}
        self._file.write_text(json.dumps(whole))


class TestRealFlagd(FlagsContract):
    """Every sentence of the port, as services see it that ask a real flagd."""

    @pytest.fixture
    def flag(self, it: Served, domain: str) -> Iterator[FlagsUnderTest]:
        made = RealFlagd(
            it.folder, {"uri": f"127.0.0.1:{it.serving.sync}", "provider": "grpc", "selector": "shop/production"}
        )
        made.evaluate(domain)
        file = it.folder / "flags.json"

        def opened(token: int, segments: Mapping[str, Segment]) -> Flags:
            section = FlagdSection.model_validate({"file": "x", "key": "checkout", "segments": written(segments)})
            return Tagged(file, "checkout", Fence(it.folder / "fence.json", token), section.segment_of)

        def evaluate(user: str, context: Mapping[str, Any]) -> bool:
            until(lambda: made.has(domain, file))
            return value(domain, user, **context)

        yield FlagsUnderTest(
            open=lambda token: opened(token, {}), open_with=opened, evaluate=evaluate, can=ADAPTER.capabilities
        )
        made.end()


def test_r16_a_real_flagd_follows_each_change_and_its_clients_see_it(it: Served, flagd: RealFlagd, domain: str) -> None:
    rpc = FlagdProvider(
        resolver_type=ResolverType.RPC, host="127.0.0.1", port=flagd.rpc, tls=False, cache=CacheType.DISABLED,
        deadline_ms=20_000,
    )  # fmt: skip
    it.flag().apply(Ramp(("beta",), 0))
    within(rpc, "rpc")
    flagd.evaluate(domain)
    for ramp, on in ((Ramp(("beta",), 0), False), (Ramp((), 1000), True), (OFF, False)):
        it.flag().apply(ramp)
        for place in (domain, "rpc"):
            until(lambda place=place, on=on: value(place) is on)
            until(lambda place=place, ramp=ramp, on=on: value(place, group="beta") is (on or bool(ramp.groups)))


def test_r16_a_real_flagd_says_by_which_algorithm_it_divides_users(it: Served, flagd: RealFlagd, domain: str) -> None:
    it.flag().apply(Ramp((), 500))
    flagd.evaluate(domain)
    client = api.get_client(domain)
    until(lambda: client.get_string_value(KEY, "", EvaluationContext("x")) == "integer")
    ours = [it.evaluate(body={"context": {"targetingKey": f"user-{n}"}})[1]["value"] for n in range(40)]
    assert ours != [value(domain, f"user-{n}") for n in range(40)], "another algorithm: other users"


def test_a_flagd_that_sends_the_token_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, domain: str) -> None:
    monkeypatch.setenv("FLAGS_TOKEN", TOKEN)
    it = Served(tmp_path, token="secret://env/FLAGS_TOKEN", sync=("127.0.0.1", 0))
    it.flag().apply(Ramp((), 1000))
    sources: tuple[dict[str, object], ...] = (
        {"uri": f"{it.url}/flags.json", "provider": "http", "authHeader": f"Bearer {TOKEN}"},
        {
            "uri": f"127.0.0.1:{it.serving.sync}", "provider": "grpc", "headers": {"authorization": f"Bearer {TOKEN}"}
        },
    )  # fmt: skip
    try:
        for source in sources:
            flagd = RealFlagd(tmp_path, source)
            flagd.evaluate(domain)
            until(lambda: value(domain))
            flagd.end()
    finally:
        it.end()
