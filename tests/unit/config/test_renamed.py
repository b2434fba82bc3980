"""Names that settings and keys of pilotage.yaml had before are refused with the new name and the place, and what was
stored under them is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pilotage import Answers, Service, make_plan
from pilotage.config.loading import load
from pilotage.config.renaming import with_names_of_today
from pilotage.config.stored import read_section
from pilotage.config.yaml_reader import ConfigError, read
from pilotage.engine.integrity import custody
from pilotage.engine.rescue import flag_rescue
from pilotage.model.json import JsonObject, find, list_at
from pilotage.model.questions import QUESTIONS
from pilotage.model.renamed import KEYS, SETTINGS, renamed
from pilotage.model.snapshot import read_snapshot
from pilotage.plan.numbers import PATHS, BadOverride, Override

from .test_config import GOOD, run

ANSWERS = [question for question, _, _, _ in QUESTIONS]

FAST = "      canary.phase_duration: 30m\n"

PAIRS = (
    ('  production:\n    fleet: {kind: process, count: 2, command: [shop, "{port}", "{version}"],\n', ""),
    ("      health: /up,\n", "      health_check_path: /up,\n"),
    ("      stop_deadline: 4s,\n", "      stop_timeout: 4s,\n"),
    ("      environment: {MODE: live},\n", "      env: {MODE: live},\n"),
    ("      pass_environment: [REGION]}\n", "      pass_env: [REGION]}\n"),
    ("    router: {kind: command,\n", ""),
    ("      run: [./router],\n", "      command: [./router],\n"),
    ("      deadline: 3s,\n", "      timeout: 3s,\n"),
    ("      can: [header_routes, mirror],\n", "      capabilities: [header_routes, mirror],\n"),
    ("      grain: 0.05}\n", "      weight_granularity: 0.05}\n"),
    ("    metrics: {kind: command, can: [durations],\n", "    metrics: {kind: command, capabilities: [durations],\n"),
    ("      run: [./counts], deadline: 2s}\n", "      command: [./counts], timeout: 2s}\n"),
    (
        "    flag: {kind: command, key: pay, run: [./flag], metrics: /m}\n",
        "    flag: {kind: command, key: pay, command: [./flag], metrics_path: /m}\n",
    ),
    ("    checks:\n      check-smoke:\n", ""),
    ("        - {run: [./smoke], environment: {A: b}}\n", "        - {command: [./smoke], env: {A: b}}\n"),
    ("        - {http: /, times: 3}\n", "        - {http: /, requests: 3}\n"),
    ("    probes:\n", ""),
    (
        '      - {run: [./probe, "{port}"], every: 3s, failures: 2}\n',
        '      - {command: [./probe, "{port}"], interval: 3s, failure_threshold: 2}\n',
    ),
    ("    analysis:\n      signals: {user_satisfaction: 'm{v=\"{version}\"}'}\n", ""),
    ("      every: 20s\n", "      interval: 20s\n"),
    ("      queries: {kind: command, run: [./ask]}\n", "      queries: {kind: command, command: [./ask]}\n"),
    ("    overrides:\n", ""),
    ("      hold.then: pause\n", "      hold.on_timeout: pause\n"),
    ("accept: {internal-only-with-others: agreed}\n", "accepted_conflicts: {internal-only-with-others: agreed}\n"),
    ("when_busy: queue\n", "on_conflict: queue\n"),
    ("people:\n", ""),
    ("  ada: {roles: [QA lead], also: [slack:U1]}\n", "  ada: {roles: [QA lead], aliases: [slack:U1]}\n"),
    ("readiness:\n", ""),
    ("  differs: [fleet.count]\n", "  allowed_differences: [fleet.count]\n"),
    ("  rehearsed: 9d\n", "  max_drill_age: 9d\n"),
    ("  evidence:\n    performance_benchmarks:\n", ""),
    (
        "      {benchmarks: a.json, baseline: b.json, slower: 1.2}\n",
        "      {benchmarks: a.json, baseline: b.json, max_slowdown: 1.2}\n",
    ),
    (
        "    unit_test_coverage: {coverage: c.xml, at_least: 80}\n",
        "    unit_test_coverage: {coverage: c.xml, min_coverage: 80}\n",
    ),
    (
        "    security_scan_passing: {findings: [s.json], accept: {A-1: unused}}\n",
        "    security_scan_passing: {findings: [s.json], accepted_findings: {A-1: unused}}\n",
    ),
    (
        "    alerting_configuration: {rules: http://p:9090}\n",
        "    alerting_configuration: {alert_rules: http://p:9090}\n",
    ),
    (
        "    code_review_completion: {reviews: {host: github, repository: a/b, token: TOKEN_1}}\n",
        "    code_review_completion: {reviews: {code_host: github, repository: a/b, token: secret://env/TOKEN_1}}\n",
    ),
    ("report: {business: [{name: sales, csv: s.csv}]}\n", "report: {business_metrics: [{name: sales, csv: s.csv}]}\n"),
    (
        "status_page: {folder: public, environment: production, address: https://s.example}\n",
        "status_page: {folder: public, environment: production, url: https://s.example}\n",
    ),
    ("calendar:\n", ""),
    ("  zone: Europe/Berlin\n", "  timezone: Europe/Berlin\n"),
    ("  zones: [Asia/Tokyo]\n", "  team_timezones: [Asia/Tokyo]\n"),
    ('  opens: "08:00"\n  closes: "16:00"\n', '  workday_start: "08:00"\n  workday_end: "16:00"\n'),
    ('  windows: [{opens: "10:00", closes: "15:00"}]\n', '  windows: [{start: "10:00", end: "15:00"}]\n'),
    ("  freezes:\n", ""),
    (
        "    - {name: a, first: 2027-01-01, last: 2027-01-02}\n",
        "    - {name: a, first_day: 2027-01-01, last_day: 2027-01-02}\n",
    ),
    (
        '    - {name: b, begins: "2027-01-01 10:00", ends: "2027-01-02 10:00"}\n',
        '    - {name: b, start: "2027-01-01 10:00", end: "2027-01-02 10:00"}\n',
    ),
    (
        '    - {name: c, rule: FREQ=DAILY, lasts: 1h, starts: "2027-01-01 10:00"}\n',
        '    - {name: c, rrule: FREQ=DAILY, duration: 1h, start: "2027-01-01 10:00"}\n',
    ),
    (
        "audit: {anchors: [{kind: webhook, url: https://a.example, secret: secret://env/A,\n  private: true}]}\n",
        "audit: {anchors: [{kind: webhook, url: https://a.example, secret: secret://env/A,\n"
        "  allow_private_network: true}]}\n",
    ),
    ("notify:\n", ""),
    (
        "  - {kind: slack, name: a, token: secret://env/A, channel: b,\n"
        "    api: https://s.example, severity: warning}\n",
        "  - {kind: slack, name: a, token: secret://env/A, channel: b,\n"
        "    api_url: https://s.example, min_severity: warning}\n",
    ),
    (
        "  - {kind: slack, name: b, webhook: secret://env/A, private: true}\n",
        "  - {kind: slack, name: b, webhook_url: secret://env/A, allow_private_network: true}\n",
    ),
    ("  - {kind: teams, webhook: secret://env/A,\n", "  - {kind: teams, webhook_url: secret://env/A,\n"),
    (
        '     quiet: {opens: "22:00", closes: "06:00", zone: Europe/Berlin, below: warning}}\n',
        '     quiet_hours: {start: "22:00", end: "06:00", timezone: Europe/Berlin, min_severity: warning}}\n',
    ),
    (
        "  - {kind: email, host: m, security: tls, user: u, password: secret://env/A, sender: a@b, to: [a@b]}\n",
        "  - {kind: email, host: m, encryption: tls, username: u, password: secret://env/A, sender: a@b, to: [a@b]}\n",
    ),
    ("  - {kind: command, run: [./tell], deadline: 1s}\n", "  - {kind: command, command: [./tell], timeout: 1s}\n"),
)
"""Lines of a file with the names of before, and the same with those of today; empty where nothing changed."""

HEAD = GOOD[: GOOD.index("  production:")]
BEFORE = HEAD + "".join(old for old, _ in PAIRS)
TODAY = HEAD.replace("stakeholders", "stakeholder_complexity") + "".join(new or old for old, new in PAIRS)


def refused(folder: Path, content: str) -> list[str]:
    """What is wrong with a file, each as `line:column: sentence`."""
    (folder / "pilotage.yaml").write_text(content)
    with pytest.raises(ConfigError) as caught:
        load(folder / "pilotage.yaml")
    told = [problem.at("").lstrip(":") for problem in caught.value.problems]
    assert "; `pilotage validate --fix` replaces every old name" in str(caught.value) or "now called" not in str(told)
    return [sentence.partition("; `pilotage validate")[0] for sentence in told]


def test_the_table_leads_from_names_that_are_gone_to_names_that_are_there() -> None:
    assert set(SETTINGS.values()) <= set(PATHS)
    assert not set(SETTINGS) & set(PATHS)
    for names in KEYS.values():
        assert not set(names) & set(names.values())


def test_every_old_setting_in_a_file_is_refused_with_its_new_name_and_its_place(tmp_path: Path) -> None:
    old = "".join(f"      {name}: 1\n" for name in SETTINGS)
    told = refused(tmp_path, GOOD.replace(FAST, old))
    line = GOOD[: GOOD.index(FAST)].count("\n") + 1
    wanted = [
        f"{line + number}:7: environments.production.overrides.{name}: is now called {new}"
        for number, (name, new) in enumerate(SETTINGS.items())
        if list(SETTINGS.values()).count(new) == 1
    ]
    assert set(wanted) <= set(told)


def test_an_old_setting_of_a_program_is_refused_too() -> None:
    answers = Answers("minor", "canary", "small", "weekly", "low", "internal-only")
    service = Service(overrides={"hold.then": Override("pause", "release.py:3")})
    with pytest.raises(BadOverride, match=r"release.py:3: hold\.then is now called hold\.on_timeout"):
        make_plan(answers, version="2.0", service=service)


def test_old_keys_are_refused_where_they_stand_and_nothing_else_is(tmp_path: Path) -> None:
    """A section with an old name lacks nothing: that would be said twice."""
    (tmp_path / "pilotage.yaml").write_text(TODAY)
    load(tmp_path / "pilotage.yaml")
    told = refused(tmp_path, BEFORE)
    assert "13:7: environments.production.fleet.stop_deadline: is now called stop_timeout" in told
    token = [sentence for sentence in told if "reviews.token" in sentence]
    assert [one.partition(": ")[2] for one in token] == [
        "readiness.evidence.code_review_completion.reviews.token: is now a reference: secret://env/TOKEN_1"
    ]
    assert all("is now called" in sentence for sentence in told if sentence not in token)


def test_what_may_be_the_token_itself_is_not_repeated(tmp_path: Path) -> None:
    for value in ("ghp_abcDEF123", "glpat-abc"):
        told = refused(tmp_path, TODAY.replace("secret://env/TOKEN_1", value))
        assert len(told) == 1
        assert value not in told[0]
        assert "secret://env/NAME" in told[0]


def test_other_mistakes_of_a_file_with_old_keys_are_told_where_they_stand(tmp_path: Path) -> None:
    told = refused(tmp_path, BEFORE.replace("[REGION]}", "REGION}"))
    assert "15:25: environments.production.fleet.pass_environment: 'REGION' is not a list" in told


def test_each_key_of_the_table_is_tried_here() -> None:
    plain, found = renamed(read(BEFORE.encode(), "").data)
    assert plain == read(TODAY.encode(), "").data
    synthetic: JsonObject = {"production": {"synthetic": {"path": "/", "per_second": 1}}}
    _, more = renamed({"services": {"web": {"after": ["api"], "environments": synthetic}}})
    tried = {(old.before, old.after) for old in (*found, *more)}
    assert tried >= {pair for names in KEYS.values() for pair in names.items()}


def test_r1_stakeholders_is_the_short_name_of_stakeholder_complexity(tmp_path: Path) -> None:
    found = []
    for name in ("stakeholders", "stakeholder_complexity"):
        (tmp_path / "pilotage.yaml").write_text(GOOD.replace("stakeholders", name))
        found.append(load(tmp_path / "pilotage.yaml").configuration.answers.to_answers())
    assert found[0] == found[1]
    whole = {question: getattr(found[0], question) for question in ANSWERS}
    assert Answers(**whole) == Answers(**{**whole, "stakeholders": whole.pop("stakeholder_complexity")})
    assert "8:18: answers.stakeholders[0]: 'x' is not one of internal-only" in "".join(
        refused(tmp_path, GOOD.replace("[customer-facing, enterprise]", "[x]"))
    )


def test_the_same_key_of_an_adapter_of_others_stays() -> None:
    data: JsonObject = {"environments": {"production": {"router": {"kind": "edge", "deadline": "1s", "run": ["x"]}}}}
    assert renamed(data) == (data, ())


def test_placeholders_of_before_are_refused_and_renamed_too(tmp_path: Path) -> None:
    checks = '    checks: {check-smoke: [{command: [./smoke, "{old}", "{version}"]}, {http: "/x?{old}"}]}\n'
    query = """'m{a="{new}"} / m{a="{old}"} / {new}'"""
    rules = f"    analysis: {{prometheus: http://p:9090, rules: [{{name: a, query: {query}}}]}}\n"
    before = GOOD + checks + rules
    assert refused(tmp_path, before) == [
        "19:48: environments.production.checks.check-smoke[0].command[1]: {old} is now called {stable_version}",
        "19:79: environments.production.checks.check-smoke[1].http: {old} is now called {stable_version}",
        "20:68: environments.production.analysis.rules[0].query: {new} is now called {version}",
        "20:68: environments.production.analysis.rules[0].query: {old} is now called {stable_version}",
    ]
    changed, count = with_names_of_today(before.encode(), "")
    today = before.replace("{old}", "{stable_version}").replace("{new}", "{version}")
    assert (changed.decode(), count) == (today, 4)


def test_each_service_of_several_has_the_same_names() -> None:
    data = read(BEFORE.encode(), "").data
    whole: JsonObject = {"services": {"web": {"environments": find(data, "environments")}}}
    plain, found = renamed(whole)
    assert find(plain, "services", "web", "environments") == find(renamed(data)[0], "environments")
    assert found[0].path[:4] == ("services", "web", "environments", "production")


def test_what_a_rollout_kept_under_old_keys_is_read_as_if_it_had_the_new_ones(tmp_path: Path) -> None:
    """Whatever version stored a rollout, it can be finished and undone (rule 7)."""
    (tmp_path / "pilotage.yaml").write_text(TODAY)
    today, before = load(tmp_path / "pilotage.yaml").configuration, read(BEFORE.encode(), "").data
    old: JsonObject = {"environment": find(before, "environments", "production"), "notify": find(before, "notify")}
    for snapshot in (read_snapshot(old), read_snapshot({**old, "format": 1})):
        assert read_section(snapshot.environment).section == today.environments["production"]
        assert list_at(read(TODAY.encode(), "").data, "notify") == list(snapshot.notify)


def test_anchors_and_flags_noted_beside_the_store_are_read_too(tmp_path: Path) -> None:
    anchor = {"kind": "webhook", "name": "a", "url": "https://a.example", "secret": "secret://env/A", "private": True}
    (tmp_path / custody._NOTE).write_text(json.dumps({"key": None, "anchors": [anchor], "project": "."}))
    assert custody.noted(tmp_path).anchors[0]["allow_private_network"] is True
    flag = {"kind": "command", "key": "pay", "run": ["./flag"], "metrics": "/m"}
    (tmp_path / flag_rescue._NOTE).write_text(json.dumps({"section": flag, "folder": "."}))
    found = flag_rescue.flag_at(tmp_path)
    assert found is not None
    assert (found.section["command"], found.section["metrics_path"]) == (["./flag"], "/m")


def test_validate_can_rename_the_keys_and_leaves_everything_else_as_it_is(tmp_path: Path) -> None:
    comment = "# stop_deadline: is in a comment\n"
    path = tmp_path / "pilotage.yaml"
    path.write_text(comment + BEFORE.replace("  differs:", '  "differs":').replace("\n", "\r\n"), newline="")
    assert run("--config", str(path), "validate").exit_code == 2
    fixed = run("--config", str(path), "validate", "--fix")
    assert fixed.exit_code == 0, fixed.stderr
    assert "names replaced" in fixed.stdout
    wanted = TODAY.replace("stakeholder_complexity", "stakeholders").replace(
        "  allowed_differences:", '  "allowed_differences":'
    )
    assert path.read_bytes().decode() == comment + wanted.replace("\n", "\r\n")
    assert "replaced" not in run("--config", str(path), "validate", "--fix").stdout


RULE = "environments:\n  p:\n    analysis:\n      rules:\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("when_busy: x # when_busy\raccept: {a: b}\r", "on_conflict: x # when_busy\raccepted_conflicts: {a: b}\r"),
        ("# a\r# b\nwhen_busy: x\r\n", "# a\r# b\non_conflict: x\r\n"),
        (r'{"when\x5fbusy": when_busy}', '{"on_conflict": when_busy}'),
        (
            RULE + '        - query: |-  # {new}\n            a{v="{new}"}\n\n            / b{v="{old}"} # {new}\n'
            "          # {old}\n          name: '{old}'\n",
            RULE + '        - query: |-  # {new}\n            a{v="{version}"}\n\n            / b{v="{stable_version}"}'
            " # {version}\n          # {old}\n          name: '{old}'\n",
        ),
        (
            RULE + "        - query: a{new}\n            / b{old}\n",
            RULE + "        - query: a{version}\n            / b{stable_version}\n",
        ),
        (
            RULE + "        - {query: '{new}', name: '{new}'} # {new}\n",
            RULE + "        - {query: '{version}', name: '{new}'} # {new}\n",
        ),
    ],
    ids=["carriage returns", "mixed line ends", "escapes", "block", "folded", "the same text beside it"],
)  # fmt: skip
def test_only_what_was_renamed_is_replaced_however_it_is_written(before: str, after: str) -> None:
    changed, _ = with_names_of_today(before.encode(), "")
    assert changed.decode() == after
    assert read(changed, "").data == renamed(read(before.encode(), "").data)[0]
    assert with_names_of_today(changed, "") == (changed, 0)


def test_of_two_keys_the_old_one_is_refused_and_none_is_replaced(tmp_path: Path) -> None:
    both = TODAY.replace("  max_drill_age: 9d\n", "  max_drill_age: 9d\n  rehearsed: 8d\n")
    assert "readiness.rehearsed: is the old name of max_drill_age, which is there too: delete one of them" in "".join(
        refused(tmp_path, both)
    )
    with pytest.raises(ConfigError, match="the key 'when_busy' appears twice"):
        with_names_of_today(b"when_busy: queue\nwhen_busy: refuse\n", "")


def test_what_someone_saves_while_keys_are_renamed_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pilotage.yaml"
    path.write_text(BEFORE)

    def slowly(content: bytes, file: str) -> tuple[bytes, int]:
        path.write_text("saved: meanwhile\n")
        return with_names_of_today(content, file)

    monkeypatch.setattr("pilotage.config.renaming.with_names_of_today", slowly)
    result = run("--config", str(path), "validate", "--fix")
    assert (result.exit_code, path.read_text()) == (7, "saved: meanwhile\n")
    assert [one.name for one in tmp_path.iterdir()] == ["pilotage.yaml"]
