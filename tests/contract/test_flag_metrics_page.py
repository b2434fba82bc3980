"""The programs of `docs/guides/flag-metrics.md` (R13, R16), as they stand there: they evaluate over `pilotage flag
serve`, and Pilotage reads what they count. Those of other languages install their SDKs first, so they run by option."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path
from time import sleep

import pytest
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider

from pilotage.adapters.free_port import free_port
from pilotage.adapters.metrics.variants import VariantMetrics
from pilotage.model.flag import Ramp
from pilotage.model.observation import Health, Instance
from tests.programs import needs

from .test_flag_serving import Served

pytestmark = pytest.mark.real
PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "flag-metrics.md").read_text()
by_option = pytest.mark.skipif(
    os.environ.get("PILOTAGE_LIVE") != "long", reason="installs the SDKs of other languages; PILOTAGE_LIVE=long runs it"
)

IN_MEMORY = """memprovider.NewInMemoryProvider(map[string]memprovider.InMemoryFlag{"new-checkout": {
    State: memprovider.Enabled, DefaultVariant: "off", Variants: map[string]any{"on": true, "off": false},
    ContextEvaluator: &onlyAda,
}})"""
ONLY_ADA = """
var onlyAda = func(
    _ memprovider.InMemoryFlag, user openfeature.FlattenedContext,
) (any, openfeature.ProviderResolutionDetail) {
    return user["targetingKey"] == "ada", openfeature.ProviderResolutionDetail{}
}
"""
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>example</groupId><artifactId>shop</artifactId><version>1</version><dependencies>
<dependency><groupId>dev.openfeature</groupId><artifactId>sdk</artifactId><version>1.20.0</version></dependency>
<dependency><groupId>dev.openfeature.contrib.providers</groupId><artifactId>ofrep</artifactId><version>0.0.1</version></dependency>
</dependencies></project>"""


def files(language: str) -> dict[str, str]:
    """The page's files of a language, by name."""
    return dict(re.findall(rf'```{language} title="([^"]+)"\n(.*?)```', PAGE, re.DOTALL))


def prepare(folder: Path, language: str, *commands: list[str], also: Mapping[str, str] | None = None) -> None:
    for name, content in {**files(language), **(also or {})}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    for command in commands:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr


def node(folder: Path) -> list[str]:
    npm = [needs("npm"), "install", "--no-audit", "--no-fund", "@openfeature/server-sdk", "@openfeature/ofrep-provider"]
    prepare(folder, "js", npm, also={"package.json": "{}"})
    return [needs("node"), "server.mjs"]


def go(folder: Path) -> list[str]:
    """With the SDK's own provider: a module of the one for OFREP is not to be had everywhere."""
    program = needs("/usr/local/go/bin/go")
    main = files("go")["main.go"].replace('ofrep.NewProvider(os.Getenv("FLAGS"))', IN_MEMORY)
    main = main.replace("go-sdk-contrib/providers/ofrep", "go-sdk/openfeature/memprovider") + ONLY_ADA
    prepare(
        folder, "go", [program, "get", "github.com/open-feature/go-sdk@v1.20.0"], [program, "mod", "tidy"],
        [program, "vet", "./..."], [program, "build", "-o", "shop", "."],
        also={"main.go": main, "go.mod": "module example\n\ngo 1.26.0\n"},
    )  # fmt: skip
    return ["./shop"]


def java(folder: Path) -> list[str]:
    maven = [needs("mvn"), "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"]
    compiler = [needs("javac"), "-cp", "lib/*", "VariantCounter.java", "Server.java"]
    prepare(folder, "java", maven, compiler, also={"pom.xml": POM})
    return [needs("java"), "-cp", "lib/*:.", "Server"]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "flags").mkdir()
    made = Served(tmp_path / "flags")
    made.flag(key="new-checkout").apply(Ramp(("beta",), 0))
    yield made
    made.end()


@by_option
@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("language", [node, go, java])
def test_r13_a_service_in_another_language_is_counted(language: object, served: Served, tmp_path: Path) -> None:
    folder = tmp_path / "service"
    folder.mkdir()
    command, port = language(folder), free_port()  # type: ignore[operator]
    targeting = {"if": [{"==": [{"var": "targetingKey"}, "ada"]}, "on", "off"]}
    only_ada(served, targeting)
    with subprocess.Popen(command, cwd=folder, env={**os.environ, "FLAGS": served.url, "PORT": str(port)}) as service:
        try:
            await_port(port, service)
            instance = Instance("a", "1", "127.0.0.1", port, Health.HEALTHY)
            metrics = VariantMetrics(lambda: [instance], "/metrics", "new-checkout")
            before = metrics.observe(["on", "off"], None)
            answers = [ask(port, user, path) for user in ("ada", "bob", "bob") for path in ("/", "/broken")]
            assert answers == [(200, "new"), (500, "new"), *[(200, "old")] * 4]
            found = {one.version: one for one in metrics.observe(["on", "off"], before.cursor).observations}
        finally:
            service.kill()
    assert (found["on"].requests, found["on"].errors, found["on"].durations.total) == (2, 1, 2)
    assert (found["off"].requests, found["off"].errors, found["off"].durations.total) == (4, 0, 4)


def only_ada(served: Served, targeting: object) -> None:
    file = served.folder / "flags.json"
    whole = json.loads(file.read_text())
    whole["flags"]["new-checkout"]["targeting"] = targeting
    file.write_text(json.dumps(whole))


def await_port(port: int, service: subprocess.Popen[bytes]) -> None:
    for _ in range(2000):
        assert service.poll() is None
        try:
            ask(port, "zoe", "/metrics")
        except OSError:
            sleep(0.05)
        else:
            return
    pytest.fail("it does not listen")


def ask(port: int, user: str, path: str) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers={"X-User": user})
    answer = connection.getresponse()
    found = answer.status, answer.read().decode()
    connection.close()
    return found


def test_the_pages_lines_of_python_count_a_wsgi_application() -> None:
    (lines,) = (block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "counter.wsgi" in block)
    api.set_provider_and_wait(InMemoryProvider({"new-checkout": InMemoryFlag("on", {"on": True, "off": False})}))

    def application(_: object, start_response: object) -> list[bytes]:
        assert api.get_client().get_boolean_value("new-checkout", False, EvaluationContext("ada"))
        start_response("200 OK", [])  # type: ignore[operator]
        return [b"new"]

    names: dict[str, object] = {"application": application}
    try:
        exec(lines, names)
        body = names["application"]({"PATH_INFO": "/"}, lambda *_: None)  # type: ignore[operator]
        assert list(body) == [b"new"]
        body.close()
        page = b"".join(names["application"]({"PATH_INFO": "/metrics"}, lambda *_: None)).decode()  # type: ignore[operator]
    finally:
        api.clear_hooks()
        api.shutdown()
    assert 'pilotage_variant_requests_total{flag="new-checkout",variant="on"} 1' in page
