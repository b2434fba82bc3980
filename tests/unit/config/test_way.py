"""R33: what is wrong with a `way` is said in one sentence, with its place."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from pilotage.app.way.making import stages_of
from pilotage.config.loading import Loaded, load
from pilotage.config.yaml_reader import ConfigError
from pilotage.model.way import AwaitStage, Begins, EnvironmentStage, RunStage

_PLACE = (
    '{{fleet: {{kind: process, command: [run, "{{port}}", "{{version}}"]}}, '
    'router: {{kind: envoy, listen: "127.0.0.1:8080"}}}}'
)
HEAD = f"""\
service: shop
answers: {{{{release_type: minor, deployment_strategy: canary, team_size: small, release_frequency: weekly,
  risk_tolerance: {{tolerance}}, stakeholders: [customer-facing]}}}}
environments:
  staging: {_PLACE}
  production: {_PLACE}
  eu: {_PLACE}
  us: {_PLACE}
way:
  stages:
"""


def written(place: Path, stages: str, tolerance: str = "medium") -> Loaded:
    path = place / "pilotage.yaml"
    path.write_text(HEAD.format(tolerance=tolerance) + textwrap.indent(textwrap.dedent(stages).strip("\n"), "    "))
    return load(path)


REFUSED = {
    "nothing to do": ("- name: x", "way.stages[0]: names nothing to do: name exactly one of run, await"),
    "two kinds": (
        "- {name: x, run: [make], environment: staging}",
        "11:7: way.stages[0]: names run and environment: name exactly one",
    ),
    "unknown environment": (
        "- {name: x, environment: stagin}",
        "11:30: way.stages[0].environment: 'stagin' is not one of eu, production, staging, us",
    ),
    "unknown of several": (
        "- {name: x, environments: [eu, asia]}", "way.stages[0].environments[1]: 'asia' is not one of",
    ),
    "foreign setting": (
        "- {name: x, environment: staging, retries: 2}",
        "11:48: way.stages[0].retries: is not of a stage with environment",
    ),
    "same name": (
        "- {name: x, run: [make]}\n- {name: x, environment: staging}",
        "12:14: way.stages[1].name: two stages are called x: give each a name of its own",
    ),
    "artifacts too late": (
        "- {name: a, environment: staging}\n- {name: b, run: [make], artifacts: [dist/*]}",
        "way.stages[1].artifacts: b makes artifacts after a has rolled out: build before the first environment",
    ),
    "tests too early": (
        "- {name: a, run: [make], tests: staging}\n- {name: b, environment: staging}",
        "way.stages[0].tests: a tests staging, and no stage before it rolls out to staging",
    ),
    "twice in the same environment": (
        "- {name: a, environment: staging}\n- {name: b, environments: [eu, staging]}",
        "way.stages[1].environments: staging is in a already: a version reaches each environment once",
    ),
    "nothing can bake": (
        "- {name: a, run: [make]}\n- {name: b, environment: staging, baked: 2h}",
        "way.stages[1].baked: no stage before it rolls out, so nothing can bake",
    ),
    "ready for what": ("- {name: a, run: [make], ready: true}", "way.stages[0].ready: readiness is of an environment"),
    "apart from what": (
        "- {name: a, environments: [eu, us], apart: [[eu, asia]]}",
        "way.stages[0].apart[0][1]: 'asia' is not one of eu, us",
    ),
    "no condition": ("- {name: a, run: [make], when: {}}", "way.stages[0].when: name release_type, risk_tolerance"),
    "unknown kind": ("- {name: a, await: {kind: jenkins}}", "way.stages[0].await: kind: 'jenkins' is not one of"),
    "no commands": ("- {name: a, run: []}", "way.stages[0].run: must not be empty"),
    "no stages": ("[]", "way.stages: must not be empty"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_said_with_its_place(name: str, tmp_path: Path) -> None:
    stages, sentence = REFUSED[name]
    with pytest.raises(ConfigError) as refused:
        written(tmp_path, stages)
    assert sentence in str(refused.value)


def test_each_kind_of_stage_becomes_what_it_says(tmp_path: Path) -> None:
    loaded = written(
        tmp_path,
        """
        - {name: build, run: [make, build], artifacts: [dist/*], timeout: 10m, retries: 1, env: {A: 1}}
        - {name: ci, await: {kind: github, repository: acme/shop}, timeout: 2h}
        - {name: staging, environment: staging}
        - {name: e2e, run: [[make, a], [make, b]], tests: staging, repeatable: true}
        - {name: regions, environments: [eu, us], at_most: 2, apart: [[eu, us]], bake: 1h, undo: all,
           baked: 2h, start: manual, approval: {count: 2, roles: [QA lead]}, ready: true, window: true,
           entry_timeout: 7d}
        """,
    )
    build, ci, staging, e2e, regions = stages_of(loaded)[0]
    assert isinstance(build, RunStage)
    assert (build.commands, build.artifacts, build.timeout, build.retries) == (
        (("make", "build"),),
        ("dist/*",),
        600,
        1,
    )
    assert isinstance(ci, AwaitStage)
    assert ci.section["kind"] == "github"
    assert ci.timeout == 7200
    assert isinstance(staging, EnvironmentStage)
    assert isinstance(e2e, RunStage)
    assert e2e.commands == (("make", "a"), ("make", "b"))
    assert isinstance(regions, EnvironmentStage)
    assert (regions.at_most, regions.apart, regions.bake, regions.undo_all) == (2, (("eu", "us"),), 3600, True)
    entry = regions.entry
    assert (entry.baked, entry.begins, entry.approvals, entry.roles) == (7200, Begins.BY_A_PERSON, 2, ("QA lead",))
    assert (entry.ready, entry.window, entry.timeout) == (True, True, 7 * 86400)
    assert build.source == "pilotage.yaml:11"


def test_a_stage_is_only_for_the_releases_that_it_names(tmp_path: Path) -> None:
    stages = """
        - {name: build, run: [make]}
        - {name: staging, environment: staging, when: {release_type: [major]}}
        - {name: e2e, run: [make], tests: staging}
        - {name: load, run: [make], when: {risk_tolerance: [low]}}
        - {name: production, environment: production}
        """
    kept, left_out = stages_of(written(tmp_path, stages))
    assert [stage.name for stage in kept] == ["build", "production"]
    assert dict(left_out) == {
        "staging": "it is for major releases",
        "e2e": "it tests staging, which this release does not reach",
        "load": "it is for the risk tolerance low",
    }
    assert [s.name for s in stages_of(written(tmp_path, stages, "low"))[0]] == ["build", "load", "production"]


TESTED = """
    - {name: staging, environment: staging}
    - {name: e2e, run: [make], tests: staging}
    - {name: eu, environment: eu}
    - {name: us, environment: us}
    """
UNTESTED = "- {name: staging, environment: staging}\n- {name: production, environment: production}"
OTHERWISE = TESTED.replace("environment: eu", "environment: eu, approval: {count: 0}")


@pytest.mark.parametrize(
    ("stages", "tolerance", "approved"),
    [
        (TESTED, "low", ["eu"]), (TESTED, "zero-downtime", ["eu"]), (TESTED, "medium", []),
        (UNTESTED, "low", ["production"]), (OTHERWISE, "low", []),
    ],
)  # fmt: skip
def test_c17_a_careful_team_approves_production_after_testing(
    stages: str, tolerance: str, approved: list[str], tmp_path: Path
) -> None:
    made, _ = stages_of(written(tmp_path, stages, tolerance))
    assert [stage.name for stage in made if stage.entry.approvals] == approved
