"""Setting a project up: a commented pilotage.yaml from six answers, and checking one."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import StrEnum

from pilotage.adapters.files import replace_if_unchanged, write_durably
from pilotage.adapters.routers.listening import is_free
from pilotage.app.output import write_file
from pilotage.app.plan import PlanRequest, plan_for
from pilotage.app.project import Project, Unclear
from pilotage.app.proposals.balancers import Balancer
from pilotage.app.proposals.found import RELEASES, Proposal
from pilotage.app.proposals.found import completed as as_given
from pilotage.app.proposals.images import with_version
from pilotage.app.proposals.proposing import propose
from pilotage.app.proposals.readiness import checks_in, readiness_in
from pilotage.app.proposals.way import way_in
from pilotage.app.starting_file import Start, content
from pilotage.config.fields import host_and_port
from pilotage.config.loading import json_schema, load
from pilotage.config.yaml_reader import ConfigError, content_of
from pilotage.engine.placement.location import made
from pilotage.model.answers import Answers
from pilotage.model.errors import Conflict
from pilotage.model.plan import Plan
from pilotage.model.questions import QUESTIONS
from pilotage.plan.headlines import contrast
from pilotage.plan.making import make_plan

_MOST_INSTANCES = 64


def checked(name: str, given: str) -> str:
    """An answer, or several stakeholders with commas, as pilotage.yaml writes them. Raises Unclear."""
    kind = next(kind for question, kind, _, _ in QUESTIONS if question == name)
    words = [word.strip() for word in given.split(",")]
    unknown = [word for word in words if word not in list(kind)]
    if unknown or (len(words) > 1 and name != "stakeholder_complexity"):
        raise Unclear(f"{name}: {(unknown or words)[0]!r} is not one of {', '.join(kind)}")
    return ", ".join(words)


def effects_of(
    name: str, kind: type[StrEnum], default: str, before: Mapping[str, str]
) -> Iterator[tuple[str, str]]:  # fmt: skip
    """Each possible answer, and what it would change in the plan: from the plans themselves. before: the answers
    given so far, by question."""
    so_far = {question: before.get(question, proposed) for question, _, proposed, _ in QUESTIONS}
    several = {**so_far, "stakeholder_complexity": so_far["stakeholder_complexity"].split(", ")}

    def plan_with(answer: str) -> Plan:
        return make_plan(Answers(**{**several, name: answer}), version="next")  # type: ignore[arg-type]

    proposed = plan_with(default)
    for option in kind:
        means = contrast(proposed, plan_with(option))
        yield option, "proposed" if option == default else means or "the same steps and limits"


def check_new(project: Project, *, force: bool) -> None:
    """Raises Unclear where there is a configuration already, unless it may be overwritten."""
    if project.config.exists() and not force:
        raise Unclear(f"{project.config} already exists: overwrite it with --force")


PLACEHOLDER = "./start --port {port}"
"""The command of a file for which nothing says how the service starts."""


def proposed_start(project: Project) -> tuple[Start, Proposal]:
    """The start that the folder's files suggest, on a free port, and its source. Without such files the command is a
    placeholder."""
    found = propose(project.folder)
    words = found.command or tuple(shlex.split(PLACEHOLDER))
    port = next((port for port in (found.port or 8080, *range(8080, 8100)) if is_free("127.0.0.1", port)), 8080)
    cwd = found.cwd if found.command else RELEASES
    return (
        Start(
            command=words, cwd=cwd, env=found.env, health=found.health if found.command else "/", count=2,
            listen=f"127.0.0.1:{port}",
        ),
        found,
    )  # fmt: skip


def start_with(command: str, proposed: Start) -> Start:
    """The proposal with a command as for a shell. Where it names no version it runs in the folder of one, and where it
    names no port it finds that in the variable PORT. Raises Unclear."""
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise Unclear(f"the command {command!r} cannot be split into arguments: {error}") from error
    if not words:
        raise Unclear("the command must not be empty")
    if words == proposed.command:
        return proposed
    made = as_given(words)
    cwd = "" if "{version}" in command else proposed.cwd or made.cwd
    return replace(proposed, command=made.command, cwd=cwd, env=made.env)


def checked_path(text: str) -> str:
    """A health path. Raises Unclear."""
    if not re.fullmatch(r"/[^\s?#]*(\?[^\s#]*)?", text):
        raise Unclear(f"{text!r} is no path such as / or /healthz: it begins with a slash and holds no spaces")
    return text


def checked_count(text: str) -> int:
    """A number of instances. Raises Unclear."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= _MOST_INSTANCES):
        raise Unclear(f"{text!r} is no number of instances: give one between 1 and {_MOST_INSTANCES}")
    return int(text)


def checked_listen(text: str) -> str:
    """An address where users reach the service; a port alone is one on this machine. Raises Unclear."""
    address = f"127.0.0.1:{text}" if text.isdigit() else text
    try:
        host_and_port(address)
    except ValueError as error:
        raise Unclear(str(error)) from None
    return address


def service_name(project: Project, given: str | None) -> str:
    """Of the new configuration: given, else the folder's, as far as it can be one."""
    folder = re.sub(r"[^a-z0-9-]+", "-", project.folder.name.lower()).strip("-")
    return given or (folder if re.fullmatch(r"[a-z][a-z0-9-]{0,62}", folder) else "service")


def with_image(start: Start, image: str, port: int | None) -> Start:
    """The proposal as containers of an image. port: that the program in it listens on; None for the host's network."""
    return replace(start, image=with_version(image), container_port=port)


def behind(start: Start, balancer: Balancer) -> Start:
    """The proposal behind a load balancer that is there."""
    return replace(start, balancer=balancer)


def checked_port(text: str) -> int:
    """A port. Raises Unclear."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 65535):
        raise Unclear(f"{text!r} is no port: give a number between 1 and 65535")
    return int(text)


def write_configuration(project: Project, answers: Mapping[str, str], start: Start, *, service: str | None) -> None:
    """answers: by question, as `checked` gives them · service: None for the folder's name. Raises Unclear, ConfigError,
    OSError; then what was there before is there again."""
    name = service_name(project, service)
    before = project.config.read_bytes() if project.config.exists() else None
    strategy = answers["deployment_strategy"]
    parts = checks_in(project.folder, strategy), readiness_in(project.folder), way_in(project.folder)
    write_file(project.config, content(name, answers, start, *parts))
    try:
        load(project.config)
    except ConfigError:
        if before is None:
            project.config.unlink()
        else:
            write_durably(project.config, before)
        raise
    write_durably(made(project.directory) / "pilotage.schema.json", json_schema().encode())


def rename_keys(project: Project) -> int:
    """Give old keys and settings of the configuration the names that they have now, and say how many there were.
    Raises ConfigError if the file is no YAML or has a key twice, Unclear if it cannot be read, Conflict if someone
    saves it meanwhile."""
    from pilotage.config.renaming import with_names_of_today

    try:
        content = content_of(project.config)
    except OSError as error:
        raise Unclear(f"{project.config} cannot be read: {error.strerror}") from None
    changed, count = with_names_of_today(content, str(project.config))
    if count and not replace_if_unchanged(project.config.resolve(), content, changed):
        raise Conflict(f"{project.config} was saved by someone else meanwhile, and is as they left it: try again")
    return count


def validate(project: Project) -> None:
    """Read the configuration, and make a plan for every environment of every service. Raises ConfigError with every
    problem of the file, and what `plan_for` raises."""
    from pilotage.app.checking import check

    check(project.config)
    services = project.whole.configuration.services
    for one in [project.for_service(name) for name in services] if services and not project.service else [project]:
        for environment in one.loaded.configuration.environments:
            plan = plan_for(one.loaded, environment, PlanRequest("0.0.0"))
            if one.loaded.configuration.readiness is not None:
                from pilotage.app.readiness.assessment import check_items

                check_items(one.loaded, plan)


def schema_of(what: str) -> str:
    """The JSON Schema of the configuration, of a plan, of events, or of what `--json` prints."""
    if what == "plan":
        from pilotage.model.plan import Plan

        return json.dumps(Plan.json_schema(), indent=2) + "\n"
    if what == "events":
        from pilotage.model.events import schemas

        return json.dumps(schemas(), indent=2) + "\n"
    if what == "output":
        from pilotage.model import output

        return json.dumps(output.schemas(), indent=2) + "\n"
    return json_schema()
