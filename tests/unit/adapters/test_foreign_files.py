"""Whatever stands in a file of somebody else, its reader says in its own words what is wrong, and nothing else escapes.

Each file is read whole, then with each of its values in turn taken away or replaced by something awkward.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pilotage.adapters import reviews as hubs
from pilotage.adapters.evidence import ProjectFiles
from pilotage.adapters.figures import _csv, _reading
from pilotage.adapters.ports import AdapterError
from pilotage.app.errors import exit_status
from pilotage.cli.main import cli
from pilotage.config.yaml_reader import ConfigError
from pilotage.config.yaml_reader import read as read_yaml
from pilotage.judge.figures import BadFigures, looks_of, samples_of
from pilotage.judge.templates import BadAnalysisTemplate, rules_of
from pilotage.model.readiness import BadEvidence
from pilotage.readiness.audits import findings
from pilotage.readiness.backups import restore
from pilotage.readiness.coverage import covered
from pilotage.readiness.results import results
from pilotage.readiness.timings import timings
from pilotage.risk.locks import UnreadableLock, packages
from pilotage.risk.migrations import findings_of
from pilotage.risk.model import BadModel, RiskModel, shipped

AWKWARD: tuple[Any, ...] = (
    *(None, True, -1, 0, 1e308, -1e308, 10**30),
    *("", "²", "9" * 5_000, "NaN", "1e999", "\x00", "\ud800", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"),
    *([], {}, [[]], [None], {"": None}, ["a"], {"a": 1}, [{}], [1]),
)
DEEP = 5_000


def altered(content: Any) -> Iterator[Any]:
    """The content with one value replaced or taken away, for each value and each replacement."""
    places: list[tuple[Any, ...]] = [()]
    while places:
        place = places.pop()
        here = content
        for key in place:
            here = here[key]
        for awkward in AWKWARD:
            yield _with(content, place, awkward)
        if isinstance(here, dict):
            places += [(*place, key) for key in here]
            yield from (_with(content, place, {k: v for k, v in here.items() if k != key}) for key in here)
        elif isinstance(here, list):
            places += [(*place, index) for index in range(len(here))]


def _with(content: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    made = deepcopy(content)
    here = made
    for key in place[:-1]:
        here = here[key]
    here[place[-1]] = value
    return made


def texts(example: str) -> Iterator[str]:
    """The text with one of its words replaced, and cut off at each of a hundred places."""
    words = re.split(r"(\w+)", example)
    for index in range(len(words)):
        for awkward in ("", "²", "9" * 5_000, "1e308", "-1", "NaN", "inf", "\x00", "\ud800", "<", '"'):
            yield "".join((*words[:index], awkward, *words[index + 1 :]))
    yield from (example[: len(example) * n // 100] for n in range(100))


def raw(text: str) -> bytes:
    """Bytes of a text, halves of characters among them."""
    return text.encode("utf-8", "surrogatepass")


def found_in(text: str) -> object:
    return findings(raw(text), "f")


def timed_in(text: str) -> object:
    return timings(raw(text), "f")


def covered_in(text: str) -> object:
    return covered(raw(text), "f")


SARIF = {
    "runs": [
        {
            "tool": {"driver": {"name": "x"}},
            "invocations": [{"executionSuccessful": True}],
            "results": [
                {
                    "ruleId": "r",
                    "level": "error",
                    "message": {"text": "m"},
                    "locations": [{"physicalLocation": {"artifactLocation": {"uri": "a"}, "region": {"startLine": 1}}}],
                }
            ],
        }
    ]
}
PIP_AUDIT = {"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "C", "fix_versions": ["2"]}]}]}
NPM = {
    "auditReportVersion": 2,
    "metadata": {},
    "vulnerabilities": {"a": {"range": "1", "via": [{"title": "t", "url": "u/1", "severity": "high"}]}},
}
NPM_6 = {
    "metadata": {},
    "advisories": {
        "1": {"id": 1, "module_name": "a", "title": "t", "severity": "high", "findings": [{"version": "1"}]}
    },
}
OSV = {
    "results": [
        {
            "packages": [
                {"package": {"name": "a", "version": "1"}, "vulnerabilities": [{"id": "C", "summary": "s"}]},
            ]
        }
    ]
}
BENCHMARK = {"benchmarks": [{"fullname": "a", "stats": {"data": [1.0, 2.0], "median": 1.5}}]}
RESTORE = {"taken_at": "2026-01-01T00:00:00Z", "restored_at": "2026-01-01T01:00:00Z", "seconds": 3, "verified": True}
RANGE = {
    "data": {
        "result": [
            {"metric": {"role": role, "count": count}, "values": [[1, "1"], [2, "3"]]}
            for role in ("canary", "stable")
            for count in ("bad", "total")
        ]
    }
}
NPM_LOCK = {"packages": {"": {}, "node_modules/a": {"version": "1.0"}}, "dependencies": {"a": {"version": "1"}}}
JSONS: list[tuple[str, Callable[[str], object], Any]] = [
    ("sarif", found_in, SARIF),
    ("pip-audit", found_in, PIP_AUDIT),
    ("npm", found_in, NPM),
    ("npm 6", found_in, NPM_6),
    ("osv", found_in, OSV),
    ("pytest-benchmark", timed_in, BENCHMARK),
    ("hyperfine", timed_in, {"results": [{"command": "a", "times": [1.0], "median": 1.0}]}),
    ("k6", timed_in, {"metrics": {"http_req_duration": {"values": {"med": 1.0, "p(95)": 2.0}}}}),
    ("restore", lambda t: restore(raw(t), "f"), RESTORE),
    ("coverage.py", covered_in, {"totals": {"covered_lines": 1, "num_statements": 2}}),
    ("range", lambda t: looks_of(t, cumulative=False), RANGE),
    ("npm lock", lambda t: packages("package-lock.json", t), NPM_LOCK),
    ("risk model", RiskModel.from_json, json.loads(shipped().to_json())),
]

JUNIT = (
    '<testsuites><testsuite tests="1"><testcase classname="a" name="b"><failure/></testcase></testsuite></testsuites>'
)
COUNTS = "time,canary_bad,canary_total,stable_bad,stable_total\n1,0,10,0,10\n2,1,20,1,20\n"
UV_LOCK = '[[package]]\nname = "a"\nversion = "1.0"\nsource = { registry = "x" }\n'
POM = "<dependency><groupId>a</groupId><artifactId>b</artifactId><version>1</version></dependency>"
ALEMBIC = 'def upgrade():\n    op.drop_table("a")\n    op.execute("DROP TABLE b")\n'
RAILS = "def change\n  drop_table :a\n  add_index :b, :c, algorithm: :concurrently\nend\n"
TEXTS: list[tuple[str, Callable[[str], object], str]] = [
    ("junit", lambda t: results(raw(t), "f"), JUNIT),
    ("cobertura", covered_in, '<coverage lines-valid="2" lines-covered="1"/>'),
    ("cobertura lines", covered_in, '<coverage line-rate="1"><line hits="1"/></coverage>'),
    ("jacoco", covered_in, '<report name="x"><counter type="LINE" missed="1" covered="2"/></report>'),
    ("lcov", covered_in, "SF:a\nDA:1,1\nDA:2,0\nend_of_record\n"),
    ("counts", lambda t: looks_of(t, cumulative=True), COUNTS),
    ("gauges", samples_of, "time,canary,stable\n2026-01-01T00:00:00,1.0,1.1\n2,1,2\n"),
    ("uv.lock", lambda t: packages("uv.lock", t), UV_LOCK),
    ("yarn.lock", lambda t: packages("yarn.lock", t), '"a@^1":\n  version "1.0.1"\n'),
    ("go.mod", lambda t: packages("go.mod", t), "module x\nrequire (\n\tgolang.org/x/a v1.0.0 // indirect\n)\n"),
    ("pom.xml", lambda t: packages("pom.xml", t), POM),
    ("sql", lambda t: findings_of("migrations/1.sql", t), "ALTER TABLE a ADD COLUMN b int NOT NULL ; DROP TABLE c ;"),
    ("alembic", lambda t: findings_of("migrations/1.py", t), ALEMBIC),
    ("rails", lambda t: findings_of("db/migrate/1.rb", t), RAILS),
    ("pilotage.yaml", lambda t: read_yaml(raw(t), "f"), 'service: shop\nanswers: {a: [1, 2.5, "x"]}\n'),
]
THEIR_OWN = (BadEvidence, BadFigures, UnreadableLock, ConfigError, BadAnalysisTemplate, BadModel, AdapterError)


@pytest.mark.parametrize(("read", "example"), [one[1:] for one in JSONS], ids=[one[0] for one in JSONS])
def test_json_of_any_shape(read: Callable[[str], object], example: Any) -> None:
    for content in (*altered(example), example):
        _tried(read, json.dumps(content))
    for text in ("[" * DEEP, '{"a":' * DEEP, "[" * DEEP + "]" * DEEP, "1" * DEEP, '{"runs": NaN}', "\ufeff{}", "null"):
        _tried(read, text)


@pytest.mark.parametrize(("read", "example"), [one[1:] for one in TEXTS], ids=[one[0] for one in TEXTS])
def test_texts_of_any_shape(read: Callable[[str], object], example: str) -> None:
    for text in texts(example):
        _tried(read, text)
    for deep in ("<a>" * DEEP, "[" * DEEP, "- " * DEEP, "a: {" * DEEP, "(" * DEEP, "-" * DEEP + "1", "x" * 200_000):
        _tried(read, deep)


def _tried(read: Callable[[Any], object], given: Any) -> None:
    try:
        read(given)
    except THEIR_OWN:
        return
    except Exception as error:
        pytest.fail(f"{type(error).__name__}: {str(error)[:200]} for {repr(given)[:300]}")


TEMPLATE = {
    "kind": "AnalysisTemplate",
    "spec": {
        "args": [{"name": "a", "value": "1"}],
        "dryRun": [{"metricName": "x"}],
        "metrics": [
            {
                "name": "m",
                "interval": "5m",
                "count": 3,
                "failureLimit": 1,
                "successCondition": "result[0] >= {{args.a}}",
                "failureCondition": "default(result, 1.5) < 2",
                "provider": {"prometheus": {"query": "q{{args.a}}"}},
            }
        ],
    },
}


def test_a_template_of_argo_of_any_shape() -> None:
    for content in altered(TEMPLATE):
        if isinstance(content, dict):
            _tried(rules_of, content)


def test_what_a_host_answers_about_reviews_of_any_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    pulls = [{"number": 1, "iid": 1, "user": {"login": "a"}, "author": {"username": "a"}, "state": "APPROVED"}]
    for answer in (*altered(pulls), *altered({"approved_by": [{"user": {"username": "a"}}]})):
        monkeypatch.setattr(hubs, "get_status", lambda *_, answer=answer, **__: (200, json.dumps(answer).encode()))
        for kind in ("github", "gitlab"):
            _tried(hubs.CodeHost(kind, "a/b", None, "").approvals, ["c"])


def test_figures_of_the_business_of_any_shape(tmp_path: Path) -> None:
    for day in ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "²", "", None, 1):
        for value in ("1", "1e999", "²", None, "9" * 5_000):
            _tried(lambda pair: _reading(pair[0], pair[1], "f:1"), (day, value))
    (tmp_path / "f.csv").write_text("day,value\n2026-01-01," + "x" * 200_000)
    for name in ("f.csv", "a\0b", "../f", "x" * 5_000, "."):
        with pytest.raises(AdapterError):
            list(_csv(tmp_path, name, ("day", "value")))


@pytest.mark.parametrize("name", ["a\0b", "x" * 5_000, "a/" * 3_000, ".", "../a"])
def test_paths_of_evidence_of_any_shape(tmp_path: Path, name: str) -> None:
    folder = ProjectFiles(tmp_path, 1e308, 1e308)
    for read in (folder.read, folder.content, folder.digest):
        with pytest.raises(BadEvidence):
            read(name)
    assert folder.exists(name) == (name == ".")


def test_the_configuration_takes_no_escape_that_no_path_can_hold() -> None:
    for value in (r'"a\0b"', r'"a\ud800b"'):
        with pytest.raises(ConfigError, match="a zero byte or half a character is not allowed"):
            read_yaml(f"service: {value}".encode(), "f")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 700 + "]" * 700, "nested too deeply"),
        ("a: &a [x]\nb: [*a, *a]\n", "an alias is not allowed"),
        ("a: 2026-99-99\n", "month must be in"),
        ("kind: AnalysisTemplate\nspec: 1\nmetadata: {name: a}\n", "the form of an AnalysisTemplate"),
    ],
)
def test_a_command_says_in_one_sentence_what_is_wrong_with_a_file(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "f.yaml").write_text(text)
    done = CliRunner().invoke(cli, ["analysis", "import", str(tmp_path / "f.yaml")])
    assert done.exit_code == 2
    assert said in done.output


@pytest.mark.parametrize(
    "error", [RecursionError("deep"), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")]
)
def test_what_no_reader_saw_coming_is_still_no_internal_error(error: Exception) -> None:
    status, sentence = exit_status(error)
    assert status == 2
    assert "internal" not in sentence
