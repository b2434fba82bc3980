"""The documentation is true: its examples run, its tables are the code's, its links lead somewhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from pilotage.adapters.registry import get
from pilotage.app.plan import PlanRequest, plan_for
from pilotage.config.loading import load
from pilotage.model.capabilities import Port
from tests.typed import typed

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


def rows(page: str) -> list[list[str]]:
    lines = [line for line in (ROOT / page).read_text().splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_the_configuration_example_is_valid_and_makes_a_plan(tmp_path: Path) -> None:
    (example,) = blocks("docs/guides/configuration.md", "yaml")
    (tmp_path / "pilotage.yaml").write_text(example)
    plan = plan_for(load(tmp_path / "pilotage.yaml"), "production", PlanRequest("2.4.0"))
    assert plan.setting("canary.phase_duration").value == 1800


def test_the_example_of_the_quick_start_makes_a_plan(tmp_path: Path) -> None:
    (example,) = blocks("docs/start/quick-start.md", "yaml")
    (tmp_path / "pilotage.yaml").write_text(example)
    plan = plan_for(load(tmp_path / "pilotage.yaml"), "production", PlanRequest("0.65.1"))
    assert plan.setting("canary.phase_duration").value == 30


def test_the_judges_example_of_rules_is_valid() -> None:
    import yaml

    from pilotage.config.analysis import AnalysisSection
    from pilotage.judge.signals import SIGNALS

    signals, rules = (
        AnalysisSection.model_validate(read["analysis"])
        for example in blocks("docs/guides/analysis.md", "yaml")
        if "analysis" in (read := yaml.safe_load(example))
    )
    assert rules.rules[0].failure_limit == 3
    assert set(signals.signals) == {row[0].strip("|` ") for row in rows("docs/guides/analysis.md")} & set(SIGNALS)
    assert len(signals.signals) == len(SIGNALS)


def test_the_readiness_example_is_valid_and_names_every_kind_of_evidence() -> None:
    import yaml

    from pilotage.config.readiness import EvidenceSection, ReadinessSection
    from pilotage.readiness.gates import BY_EVIDENCE, BY_OURSELVES

    example, *_ = blocks("docs/guides/readiness.md", "yaml")
    section = ReadinessSection.model_validate(yaml.safe_load(example)["readiness"])
    assert set(section.evidence) >= BY_EVIDENCE
    named = {row[0].strip("|` ") for row in rows("docs/guides/readiness.md")}
    helpers = {"min_coverage", "accepted_findings", "baseline", "max_slowdown", "max_age"}
    assert named >= set(EvidenceSection.model_fields) - helpers | BY_OURSELVES


def test_the_channels_example_is_valid_and_names_every_kind() -> None:
    import yaml
    from pydantic import TypeAdapter

    from pilotage.adapters.registry import TABLE
    from pilotage.config.channels import ChannelSection
    from pilotage.config.reporting import StatusPageSection
    from pilotage.model.capabilities import Port

    shortest, channels, kinds, page = blocks("docs/guides/notifications.md", "yaml")
    assert TypeAdapter(list[ChannelSection]).validate_python(yaml.safe_load(kinds)["notify"])
    assert TypeAdapter(list[ChannelSection]).validate_python(yaml.safe_load(shortest)["notify"])
    made = TypeAdapter(list[ChannelSection]).validate_python(yaml.safe_load(channels)["notify"])
    assert {section.kind for section in made} == set(TABLE[Port.NOTIFY])
    assert StatusPageSection.model_validate(yaml.safe_load(page)["status_page"]).folder == "public/status"
    told = {row[0].strip("|` ").partition("`")[0] for row in rows("docs/guides/notifications.md")}
    assert set(TABLE[Port.NOTIFY]) <= told


def test_the_figures_examples_are_valid() -> None:
    import yaml

    from pilotage.config.incidents import IncidentsSection
    from pilotage.config.reporting import ReportSection

    examples = blocks("docs/guides/reports.md", "yaml")
    after, *reports = map(yaml.safe_load, examples)
    assert IncidentsSection.model_validate(after["incidents"]).watch == 1800
    read = [ReportSection.model_validate(one["report"]) for one in reports]
    assert [len(one.business_metrics) for one in read[:2]] == [3, 4]
    assert read[1].adoption
    assert read[2].performance
    assert read[3].issues


WITH_COMMANDS = [
    page
    for page in PAGES
    if "decisions" not in page.parts and re.search(r"`pilotage \w|^pilotage \w", page.read_text(), re.M)
]


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.name)
def test_the_commands_of_a_page_exist_with_their_options(page: Path) -> None:
    """Every `pilotage …` of a page, in a block or in a sentence: the command is there, and knows each option."""
    import shlex

    import click

    from pilotage.cli.main import cli

    text = page.read_text()
    lines = [line for block in blocks(str(page), "sh") for line in block.splitlines()]
    lines += [" ".join(said.split()) for said in re.findall(r"`(pilotage\s[^`]+)`", text)]
    lines += re.findall(r"^\$ (pilotage .+)$", text, re.MULTILINE)
    assert lines
    for line in lines:
        if not line.startswith("pilotage "):
            continue
        words = shlex.split(line, comments=True)
        command: click.Command = cli
        rest = words[3:] if words[1] in ("-s", "-c") else words[1:]
        if rest[0] in ("--help", "COMMAND"):
            continue
        with click.Context(cli) as context:
            while isinstance(command, click.Group) and rest and (found := command.get_command(context, rest[0])):
                command, rest = found, rest[1:]
        assert command is not cli, line
        default = getattr(command, "_default", None)
        if default and isinstance(command, click.Group):
            command = command.commands[default]
        options = {name for parameter in command.params for name in parameter.opts}
        for word in rest:
            if word.startswith("-"):
                assert word.partition("=")[0] in options, (line, word)


def test_the_tables_of_plans_are_the_codes() -> None:
    from pilotage.cli.plan import make
    from pilotage.plan.conflicts import NAMES

    documented = [row[0].strip("|` ") for row in rows("docs/guides/plans.md")]
    (form,) = [option for option in make.params if option.name == "form"]
    forms = [name for row in documented for name in row.replace("`, `", " ").split()]
    assert sorted(forms) == sorted([*NAMES, *form.type.choices])  # type: ignore[attr-defined]


def test_the_commands_of_the_plans_page_run(tmp_path: Path) -> None:
    """Every `pilotage plan …` of a shell block, one after the other, in a folder made by `pilotage init`."""
    import shlex

    def pilotage(*arguments: str, expect: int = 0) -> str:
        said = typed(*arguments, cwd=tmp_path)
        assert said.returncode == expect, (arguments, said.stderr)
        return said.stdout + said.stderr

    pilotage("init")
    day = "2027-06-18"
    for name, version in (("plan.json", "2.4.0"), ("before.json", "2.4.0"), ("after.json", "2.5.0")):
        pilotage("plan", version, "--date", day, "--as-of", "2026-11-23", "--format", "json", "-o", name)
    lines = [line for block in blocks("docs/guides/plans.md", "sh") for line in block.splitlines() if line.strip()]
    assert len(lines) == 9
    for line in lines:
        arguments = shlex.split(line, comments=True)[1:]
        dated = ["--as-of", "2026-11-23"] if "--date" in arguments else []
        pilotage(*arguments, *dated, expect=10 if "--detailed-exitcode" in arguments else 0)
    refused = pilotage("plan", "2.4.0", "--date", "2026-11-27", "--as-of", "2026-11-23", expect=2)
    said = pilotage("plan", "2.4.0", "--as-update", "--why", "steps[analyse-5%].duration")
    page = " ".join((ROOT / "docs/guides/plans.md").read_text().split())
    assert " ".join(refused.split()) in page
    assert " ".join(said.split()) in page


def test_every_dependency_has_its_line() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = sorted(re.split(r"[><=;\[ ]", line)[0] for line in wanted)
    assert sorted(row[0].strip("|` ") for row in rows("docs/explanation/dependencies.md")) == names


def test_the_examples_of_the_library_run() -> None:
    examples = blocks("docs/reference/library.md", "python")
    assert len(examples) == 5
    for example in examples:
        exec(compile(example, "library.md", "exec"), {})


def test_every_statistic_names_a_test_that_exists() -> None:
    page = (ROOT / "docs/explanation/judge-mathematics.md").read_text()
    written = "".join(path.read_text() for path in (ROOT / "tests/unit/judge").glob("*.py"))
    named = re.findall(r"`(test_\w+)`", page)
    assert len(named) == 14
    assert all(f"def {name}(" in written for name in named)


def test_every_test_that_the_reliability_page_names_exists() -> None:
    named = set(re.findall(r"`([tT]est\w+)`", (ROOT / "docs/explanation/reliability.md").read_text()))
    files = (*(ROOT / "tests").rglob("*.py"), *(ROOT / "src/pilotage/testing").rglob("*.py"))
    source = "\n".join(path.read_text() for path in files)
    missing = [name for name in named if f"def {name}(" not in source and f"{name} = " not in source]
    assert len(named) > 30
    assert not missing


def test_the_sizes_of_the_operators_page_are_those_that_were_measured() -> None:
    def table(page: str, head: str) -> list[list[str]]:
        lines = (ROOT / page).read_text().partition(f"| {head} |")[2].split("\n\n")[0].splitlines()[2:]
        return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]

    measured = table("docs/explanation/benchmarks.md", "store | in progress")
    one_worker = [row for row in measured if row[0] == "SQLite" and row[2] == "0" and row[3] == "1"]
    wanted = [[row[1], row[5], row[7], row[8]] for row in one_worker]
    assert table("docs/operate/operate.md", "rollouts in progress, on SQLite") == wanted


def test_every_message_that_troubleshooting_quotes_exists() -> None:
    """Whoever searches for a message finds it word for word; `…` stands for what differs."""
    source = " ".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    source = re.sub(r"""["']\s+f?r?["']""", "", source).replace("\\n", "\n")
    quoted = re.findall(r"^> (.+)$", (ROOT / "docs/operate/troubleshooting.md").read_text(), re.MULTILINE)
    assert len(quoted) > 20
    for message in quoted:
        for part in message.split("…"):
            assert part.strip(' .:";,') in source, message


def test_the_python_of_the_adapters_page_is_an_adapter() -> None:
    """What a package would copy: it runs, and the table would take what it makes."""
    from pilotage.adapters.registry import Adapter

    (package,) = [block for block in blocks("docs/guides/adapters.md", "python") if "class HAProxySection" in block]
    made: dict[str, Any] = {"__name__": "copied"}
    exec(compile(package, "adapters.md", "exec", dont_inherit=True), made)
    assert isinstance(made["ADAPTER"], Adapter)
    section = made["ADAPTER"].section.model_validate({"kind": "own-haproxy", "socket": "/run/haproxy.sock"})
    assert made["ADAPTER"].can(section).grain == 10


def test_the_haproxy_of_the_load_balancers_page_is_valid_and_has_the_generated_lines() -> None:
    """What a reader copies into pilotage.yaml and haproxy.cfg fits together (R28)."""
    from pilotage.adapters.metrics.haproxy_log import durations_in
    from pilotage.adapters.routers.haproxy_lines import Settings, lines_of

    page = "docs/guides/load-balancers.md"
    first, several = [block for block in blocks(page, "yaml") if "kind: haproxy" in block]
    router = yaml.safe_load(first)["environments"]["production"]["router"]
    for section in (router, *yaml.safe_load(several)["environments"]["production"]["routers"].values()):
        get(Port.ROUTER, "haproxy").section.model_validate(section)
    settings = Settings(
        address=router["address"], folder=router["files"], name=router["name"],
        cookie=router["sticky"]["cookie"], headers=tuple(router["headers"]),
    )  # fmt: skip
    text = (ROOT / page).read_text()
    assert all(f"        {line}" in text for line in lines_of(settings))
    (log,) = [row for row in text.splitlines() if row.startswith("log-format") and '"backend"' in row]
    filled = log.partition("'")[2].rstrip("'").replace("%b", "shop-1").replace("%s", "a")
    for name in ("%ST", "%Tw", "%Tc", "%Tr"):
        filled = filled.replace(name, "1")
    assert durations_in([filled.encode()])["shop-1"].total == 1


def test_the_cloudflare_of_its_page_is_valid_and_terraform_ignores_all_that_pilotage_sets() -> None:
    """What a reader copies (R28)."""
    from pilotage.adapters.routers.cloudflare_state import Sticky
    from pilotage.adapters.routers.cloudflare_wanted import led, rules_for, sticky_content
    from pilotage.model.traffic import Split

    (example,) = blocks("docs/guides/cloudflare.md", "yaml")
    router = yaml.safe_load(example)["environments"]["production"]["router"]
    adapter = get(Port.ROUTER, "cloudflare")
    assert adapter.can(adapter.section.model_validate(router)).sticky
    balancer = {"default_pools": ["a"]}
    rules = rules_for(balancer, Split((("1.0", 1000),), closed=True), "closed")
    ours = {
        **led(balancer, {"b": 100}, ["b"]),
        **sticky_content(balancer, Sticky()),
        **({"rules": rules} if rules else {}),
    }
    text = (ROOT / "docs/guides/cloudflare.md").read_text()
    (ignored,) = [line for line in text.splitlines() if "ignore_changes" in line]
    assert {name.strip() for name in ignored.partition("[")[2].rstrip("]").split(",")} == set(ours)
