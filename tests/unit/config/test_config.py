"""Malformed configuration: every error at once, with line and column and what would be right; never a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from pilotage.cli.main import cli
from pilotage.config.loading import load
from pilotage.config.yaml_reader import ConfigError, read

# Nobody listens on its port, which is below those that the kernel hands out.
GOOD = """\
service: shop
answers:
  release_type: minor
  deployment_strategy: canary
  team_size: medium
  release_frequency: weekly
  risk_tolerance: medium
  stakeholders: [customer-facing, enterprise]
environments:
  production:
    fleet:
      kind: process
      command: [python, -m, shop, --port, "{port}", --release, "{version}"]
      count: 4
      health_check_path: /healthz
    router: {kind: envoy, listen: "127.0.0.1:28080", sticky: {cookie: session}}
    overrides:
      canary.phase_duration: 30m
"""

CHANNEL = """\
notify:
  - {kind: teams, webhook_url: "secret://env/T\""""


def with_setting(setting: str) -> tuple[str, str]:
    """What to replace in the good file, and by what, so that its environment has this setting in line 17."""
    return "    overrides:", f"    {setting}\n    overrides:"


# name → (what is replaced, by what, each error's line:column and words)
MALFORMED: dict[str, tuple[str, str, list[tuple[str, str]]]] = {
    "an empty file": (GOOD, "", [("1:1", "has no settings")]),
    "a list instead of settings": (GOOD, "- a\n- b\n", [("1:1", "has no settings")]),
    "not YAML": ("service: shop", "service: [shop", [("2:8", "not YAML")]),
    "a tab": ("  release_type", "\trelease_type", [("3:1", "not YAML")]),
    "a word outside its list": ("minor", "minr", [("3:17", "did you mean minor?")]),
    "a stakeholder outside its list": ("enterprise", "enterprize", [("8:35", "did you mean enterprise?")]),
    "an unknown key": ("count: 4", "cuont: 4", [("14:7", "did you mean count?")]),
    "a key twice": ("count: 4", "count: 4\n      count: 5", [("15:7", "appears twice (first in line 14)")]),
    "a missing answer": ("  team_size: medium\n", "", [("2:1", "answers.team_size: is missing")]),
    "no environments": (GOOD[GOOD.index("environments") :], "", [("1:1", "environments: is missing")]),
    "a count of nothing": ("count: 4", "count: 0", [("14:14", "0 must be at least 1")]),
    "a count in words": ("count: 4", "count: four", [("14:14", "'four' is not a whole number")]),
    "a number as a name": ("service: shop", "service: 7", [("1:10", "7 is not text")]),
    "a name with a path in it": ("service: shop", "service: ../shop", [("1:10", "is not a name of a-z, 0-9 and -")]),
    "a fleet of an unknown kind": ("kind: process", "kind: proces", [("12:13", "did you mean process?")]),
    "an address without a port": ('"127.0.0.1:28080"', '"127.0.0.1"', [("16:35", "not an address such as")]),
    "a command without a port": (
        '"{port}"', '"8001"', [("11:5", "add {port}, where the program takes the port to listen on")],
    ),
    "an error that is none": (
        *with_setting("errors: [5xx, 6xx]"), [("17:19", "'6xx' is not 5xx, 4xx, a status from 300")]
    ),
    "a status in quotes": (*with_setting('errors: ["404"]'), [("17:14", "404 without quotes")]),
    "an unknown gRPC status": (
        *with_setting("errors: [{grpc: [UNAVAILABEL]}]"), [("17:14", "did you mean UNAVAILABLE?")]
    ),
    "no error at all": (*with_setting("errors: []"), [("17:5", "at least one kind of error")]),
    "a route to everything": (*with_setting("routes: [{path: /}]"), [("17:21", "/ is every path")]),
    "a route behind a larger one": (
        *with_setting("routes: [{path: /api}, {path: /api/users}]"),
        [("17:28", "/api/users matches no request, because /api comes before it")],
    ),
    "nine routes": (
        *with_setting(f"routes: [{', '.join(f'{{path: /r{n}}}' for n in range(9))}]"),
        [("17:5", "at most 8 routes, got 9")],
    ),
    "sticky by nothing": ("{cookie: session}", "{}", [("16:54", "name either a cookie or a header")]),
    "an alias": ("service: shop", "service: &s shop", [("1:10", "anchor &s is not allowed")]),
    "a tag": ("service: shop", "service: !!python/object:os.system shop", [("1:10", "tag")]),
    "a second document": ("answers:", "---\nanswers:", [("2:1", "second document")]),
    "an override of no number": (
        "canary.phase_duration", "canary.phase_duratoin", [("18", "did you mean canary.phase_duration?")],
    ),
    "an override that is no duration": ("30m", "soon", [("18", "'soon' is not a duration")]),
    "a control character": ("service: shop", "service: sh\x07op", [("1:12", "control character")]),
    "a channel of no environment": (
        "environments:", f"{CHANNEL}, environments: [staging]}}\nenvironments:",
        [("10:65", "notify[0].environments[0]: 'staging' is not one of production")],
    ),
    "two channels of one name": (
        "environments:", f"{CHANNEL}}}\n{CHANNEL.splitlines()[1]}}}\nenvironments:",
        [("11:5", "two channels are called 'teams'")],
    ),
    "ratings without a form": (
        *with_setting("analysis: {signals: {user_satisfaction: feedback}}"),
        [("17:45", "feedback needs `intake` for production: without it nobody can answer")],
    ),
    "ratings of what no form asks about": (
        *with_setting("analysis: {prometheus: 'http://p:1', signals: {user_session_health: feedback}}"),
        [("17:73", "feedback is for user_satisfaction alone")],
    ),
    "a query next to ratings without a source": (
        *with_setting("analysis: {signals: {user_satisfaction: feedback, user_session_health: 'a{version}'}}"),
        [("17:5", "name either prometheus or queries")],
    ),
    "an intake of no environment": (
        "environments:", "intake: {url: 'https://in.example', environment: staging}\nenvironments:",
        [("9:50", "'staging' is not one of production")],
    ),
    "a probe by nothing": (
        *with_setting("probes: [{name: checkout}]"), [("17:14", "name either http or command")],
    ),
    "a probe both ways": (
        *with_setting('probes: [{http: /cart, command: [curl, "{url}"]}]'),
        [("17:14", "name either http or command")],
    ),
    "a probe's command with a status": (
        *with_setting('probes: [{command: [curl, "{url}"], status: 201}]'),
        [("17:14", "status and contains require http: a command passes when it exits with 0")],
    ),
    "a probe's command that names no instance": (
        *with_setting("probes: [{command: [curl, example.org]}]"),
        [("17:14", "command: add {url} or {port}")],
    ),
    "a probe of another host": (
        *with_setting("probes: [{http: http://example.org/}]"), [("17:21", "not a path such as")],
    ),
    "a probe without a pause": (
        *with_setting("probes: [{http: /cart, interval: 0s}]"), [("17:38", "0 must be at least 1")],
    ),
    "two probes of one name": (
        *with_setting("probes: [{http: /cart}, {http: /cart, contains: sum}]"),
        [("17:29", "two probes are called '/cart': give each a name of its own")],
    ),
    "an unknown key of a probe": (
        *with_setting("probes: [{http: /cart, contain: sum}]"), [("17:28", "did you mean contains?")],
    ),
    "five errors at once": (
        GOOD,
        GOOD.replace("minor", "minr").replace("count: 4", "count: no").replace("/healthz", "healthz")
        .replace("service: shop", "service: Shop").replace("weekly", "daily"),
        [("1:10", "Shop"), ("3:17", "minr"), ("6:22", "daily"), ("14:14", "'no' is not"), ("15:26", "not a path")],
    ),
}  # fmt: skip


def validate(tmp_path: Path, content: bytes) -> Result:
    path = tmp_path / "pilotage.yaml"
    path.write_bytes(content)
    return run("--config", str(path), "validate")


def run(*arguments: str) -> Result:
    """As a shell would: through `main`, so that errors become exit statuses."""
    import sys

    from pilotage.cli import main as module

    runner = CliRunner()
    with runner.isolation() as (out, err, *_):
        before, sys.argv = sys.argv, ["pilotage", *arguments]
        try:
            module.main()
            code = 0
        except SystemExit as done:
            code = int(done.code or 0)
        finally:
            sys.argv = before
        return Result(runner, out.getvalue(), err.getvalue(), b"", None, code, None)


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_file_is_refused_with_every_place_and_what_would_be_right(tmp_path: Path, name: str) -> None:
    before, after, errors = MALFORMED[name]
    assert before in GOOD
    result = validate(tmp_path, GOOD.replace(before, after, 1).encode())
    said = result.stderr_bytes.decode()
    assert result.exit_code == 2, said
    assert "Traceback" not in said
    for place, words in errors:
        assert any(f"pilotage.yaml:{place}:" in line and words in line for line in said.splitlines()), said
    assert said.count("pilotage.yaml:") == len(errors), said


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a: " + b"x" * 1_000_001, "more than 1,000,000 bytes"),
        (b"a:\n" + b"".join(b" " * n + b"a:\n" for n in range(1, 200)), "nested deeper than 64 levels"),
        (b"[" * 100_000, "nested deeper than 64 levels"),
        (b"a: \xff\xfe", "not UTF-8 text"),
        (b"{[1]: 2}", "a key must be a word"),
    ],
    ids=["too large", "too deep", "deep in flow style", "not text", "a list as a key"],
)
def test_hostile_yaml_is_refused_quickly(tmp_path: Path, content: bytes, words: str) -> None:
    result = validate(tmp_path, content)
    assert result.exit_code == 2
    assert words in (result.stderr_bytes or b"").decode()


def test_a_rollout_keeps_the_probes_of_its_environment(tmp_path: Path) -> None:
    from pilotage.engine.execution.description import describe
    from pilotage.engine.execution.instruments import probe_specs
    from pilotage.engine.execution.targets import open_target
    from pilotage.model.snapshot import Snapshot, read_snapshot

    search = '{name: search, command: [curl, "{url}"], interval: 10s, failure_threshold: 1}'
    probes = f"probes: [{{http: /cart, contains: sum}}, {search}]"
    path = tmp_path / "pilotage.yaml"
    path.write_text(GOOD.replace("    overrides:", f"    {probes}\n    overrides:"))
    described = describe(load(path).configuration.environments["production"], tmp_path)
    kept = read_snapshot(json.loads(json.dumps(described.to_dict())))
    first, second = probe_specs(kept)
    assert (first.name, first.http, first.status, first.contains) == ("/cart", "/cart", 200, "sum")
    assert (second.name, second.run, second.every, second.failures) == ("search", ("curl", "{url}"), 10.0, 1)
    assert open_target(tmp_path, kept, "shop", "production", 1).probes is not None
    assert probe_specs(Snapshot()) == ()


def test_a_good_file_is_valid_and_its_numbers_know_their_lines(tmp_path: Path) -> None:
    assert validate(tmp_path, GOOD.encode()).exit_code == 0
    loaded = load(tmp_path / "pilotage.yaml")
    assert loaded.place("environments", "production", "overrides", "canary.phase_duration") == "pilotage.yaml:18"


def test_a_missing_file_says_what_writes_one(tmp_path: Path) -> None:
    result = run("--config", str(tmp_path / "none.yaml"), "validate")
    assert result.exit_code == 2
    assert b"pilotage init" in (result.stderr_bytes or b"")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"), ("on", "on"), ("no", "no"), ("true", True), ("null", None), ("12", 12), ("1.5", 1.5),
        ("'12'", "12"), ("1e3", 1000.0), ("0x10", "0x10"), ("12:30", "12:30"), ("2026-01-01", "2026-01-01"),
        ("~", None),
    ],
)  # fmt: skip
def test_values_follow_yaml_1_2(text: str, value: object) -> None:
    assert read(f"a: {text}".encode(), "f").data == {"a": value}


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    try:
        read(content, "f")
        said = "fine"
    except ConfigError as error:
        said = str(error)
    assert said == "fine" or said.startswith("f:")


def test_the_schema_accepts_the_example_and_names_every_section() -> None:
    import json

    result = run("schema")
    schema = json.loads(result.stdout_bytes)
    assert set(schema["properties"]) == {
        "service",
        "server",
        "identity",
        "answers",
        "notes",
        "way",
        "calendar",
        "accepted_conflicts",
        "people",
        "readiness",
        "notify",
        "report",
        "retention",
        "signing",
        "audit",
        "status_page",
        "train",
        "paths",
        "built_from",
        "tag_prefix",
        "ignored_paths",
        "templates",
        "language",
        "on_conflict",
        "environments",
        "services",
        "lockstep",
        "intake",
        "meetings",
        "incidents",
        "phases",
    }
    assert schema["additionalProperties"] is False


def test_cli_is_importable_as_click_group() -> None:
    assert "deploy" in cli.list_commands(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        *(GOOD, CHANNEL, "é: [ü,\n  {日: 1}]\nb: |\n  x\nc:\nd: ''"),
        *("a:\tb", "\ta: b", "a: b: c", "{a: b", "a: @b", "a: -", "[" * 70),
    ],
)
def test_with_libyaml_and_without_it_a_file_means_the_same(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_it() -> object:
        try:
            return read(text.encode(), "pilotage.yaml")
        except ConfigError as error:
            return str(error)

    fast = read_it()
    monkeypatch.setattr("pilotage.config.yaml_reader._LIBYAML", None)
    assert fast == read_it()


def test_shares_are_written_as_percentages(tmp_path: Path) -> None:
    """As in `overrides`; a number between 0 and 1 means the same."""
    for written in ("0.2%", "0.002"):
        path = tmp_path / "pilotage.yaml"
        traffic = f"    traffic: {{requests_per_second: 10, error_rate: {written}}}\n"
        path.write_text(GOOD.replace("    overrides:", f"{traffic}    overrides:", 1))
        section = load(path).configuration.environments["production"].traffic
        assert section is not None
        assert section.error_rate == 0.002


@pytest.mark.parametrize("empty", ["overrides:", "probes:", "checks:", "routes:"])
def test_a_section_whose_lines_are_all_comments_is_empty(tmp_path: Path, empty: str) -> None:
    path = tmp_path / "pilotage.yaml"
    without, _, _ = GOOD.partition("    overrides:")
    path.write_text(f"{without}    {empty}\n      # canary.phase_duration: 30m\n")
    loaded = load(path)
    (environment,) = loaded.configuration.environments.values()
    assert not getattr(environment, empty[:-1])
