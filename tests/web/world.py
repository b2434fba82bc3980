"""A store with invented releases in every state, for the pictures of the server's pages and for tests that look at
them: `fill(project)`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from pilotage import Answers, Override, Service, make_plan
from pilotage.app.activities import schedule_of
from pilotage.app.project import Project
from pilotage.engine.records import activities, followups, reports, trends, ways
from pilotage.engine.records.home import Place
from pilotage.model.access import Grant, HolderKind
from pilotage.model.calendar import Freeze
from pilotage.model.followup import FollowUp
from pilotage.model.hold import Hold, HoldCause
from pilotage.model.live import LiveView, SeenCheck, SeenInstance, SeenVerdict
from pilotage.model.plan import Plan
from pilotage.model.record import Rollout
from pilotage.model.report import Report
from pilotage.model.rollout import Decision, Event, Mode, RolloutState, Status
from pilotage.model.snapshot import Snapshot
from pilotage.model.way import Entry, EnvironmentStage, StageState, StageStatus, Way
from pilotage.rollout.machine import begin
from pilotage.way.machine import begin as set_out
from pilotage.web.site import Site
from tests.web.surroundings import surround

CONFIG = """\
service: shop
answers:
  release_type: minor
  deployment_strategy: canary
  team_size: small
  release_frequency: weekly
  risk_tolerance: low
  stakeholder_complexity: [internal-only]
calendar:
  timezone: Europe/Berlin
  holidays: [DE]
  freezes:
    - {name: stocktaking, first_day: FIRST, last_day: LAST}
people:
  ada: {roles: [release manager, DevOps engineer]}
  bob: {roles: [QA lead, release manager]}
services:
"""
SERVICES = {
    "checkout": "2.3.1", "search": "8.0.4", "billing": "2.9.0", "payments": "5.2.1", "catalogue": "10.4.2",
    "mobile-api": "4.9.0", "mail": "1.19.0",
}  # fmt: skip
FLAGS = {
    ("search", "staging"): "{file: flags.json, key: typo-tolerance, owner: ada, expires: 2026-10-01}",
    ("mail", "staging"): "{file: flags.json, key: new-sender, purpose: kill-switch, owner: bob}",
}
_HOUR = 3600.0


def config() -> str:
    """pilotage.yaml of these services, each in staging and production."""
    today = datetime.now(UTC).date()
    text = CONFIG.replace("FIRST", str(today + timedelta(days=12))).replace("LAST", str(today + timedelta(days=16)))
    port = 18100
    for name in SERVICES:
        text += f"  {name}:\n    environments:\n"
        for place in ("staging", "production"):
            port += 1
            flag = FLAGS.get((name, place), "")
            text += (
                f"      {place}:\n"
                "        fleet: {kind: process, command: ['bin/{version}/serve', '--port', '{port}'], count: 12}\n"
                f"        router: {{kind: envoy, listen: '127.0.0.1:{port}'}}\n"
                "        overrides: {checks.required: false, canary.phase_duration: 4h}\n"
                + (f"        flag: {flag}\n" if flag else "")
            )
    return text


@dataclass(frozen=True, kw_only=True)
class World:
    """The rollouts by what they show. invitation: secret of a one-time link · code: that a command line shows."""

    watching: Rollout
    withdrawn: Rollout
    approval: Rollout
    paused: Rollout
    initial: Rollout
    ended: tuple[Rollout, ...]
    way: str
    invitation: str
    code: str


def fill(project: Project) -> World:
    """The people ada (deployer) and bob (approver), and rollouts in every state."""
    store, now = project.store, project.clock.now()
    for name, role in (("ada", "deployer"), ("bob", "approver"), ("eve", "viewer"), ("root", "admin")):
        store.persons.add(name, now)
        store.persons.grant(HolderKind.PERSON, name, Grant(role=role), "root", now)
    ended = tuple(
        _ended(project, service, version, status, reason)
        for service, version, status, reason in (
            ("payments", "5.2.2", Status.COMPLETED, ""),
            ("catalogue", "11.0.0", Status.ROLLED_BACK, "p95 latency 1.9× that of stable, limit 1.2×"),
            ("checkout", "2.3.1", Status.COMPLETED, ""),
            ("mail", "1.19.1", Status.FAILED, "the router could not be read for 2 minutes"),
        )
    )
    begins = datetime.fromtimestamp(now, UTC)
    store.freezes.declare(
        "mail", "production", Freeze("data centre move", begins, begins + timedelta(hours=20)), "dan", "racks"
    )
    _tasks(project)
    invitation, code = surround(project)
    return World(
        invitation=invitation, code=code,
        watching=_watching(project), withdrawn=_withdrawn(project), approval=_approval(project),
        paused=_paused(project), initial=_initial(project), ended=ended, way=_way(project),
    )  # fmt: skip


def _way(project: Project) -> str:
    """The way of payments 5.3.0, which has passed staging and waits for an approval; a user reports a problem."""
    store, now = project.store, project.clock.now()
    way = Way(
        id="payments-way-1", service="payments", version="5.3.0", commit="7f3c91d2" * 5, author="ada",
        stages=(
            EnvironmentStage(name="staging", environments=("staging",)),
            EnvironmentStage(name="production", environments=("production",), entry=Entry(approvals=1)),
        ),
    )  # fmt: skip
    state, first = set_out(way)
    passed = StageState(status=StageStatus.PASSED, began=now - 4 * _HOUR, ended=now - 3 * _HOUR)
    waits = StageState(waiting="approval", detail="it waits for an approval by somebody other than ada")
    state = replace(state, stages=(passed, waits))
    ways.create(store, way, state, first, [], Place("here", "here"), now)
    reports.add(
        store.engine,
        Report(service="checkout", environment="production", text="My basket is empty after I sign in", at=now - _HOUR),
    )
    return way.id


def _tasks(project: Project) -> None:
    """What people have to do: activities of a release that is complete in four days, and an action of a review."""
    store, now = project.store, project.clock.now()
    today = datetime.fromtimestamp(now, UTC).date()
    answers = Answers("major", "canary", "medium", "monthly", "medium", ["internal-only"])
    service = Service(name="billing", environment="production")
    plan = make_plan(
        answers, version="3.1.0", service=service, release_date=today + timedelta(days=5), today=today,
        done=("planning_phase", "development_phase", "testing_phase", "deployment_preparation"),
    )  # fmt: skip
    activities.track(store.engine, schedule_of(plan), [], "ada", now)
    action = FollowUp(
        0, "Add a load test of /search", "bob", str(today + timedelta(days=1)), "it runs before each release", "high",
        "8.0.4",
    )  # fmt: skip
    followups.add(store.engine, "search", action, [], "ada", now)


def addresses(site: Site, world: World) -> Mapping[str, str]:
    """Pages by the names of their pictures."""
    plain = {
        route.path.strip("/").replace("/", "-") or "now": route.path
        for route in site.routes
        if route.method == "GET" and route.kind.value == "page" and "{" not in route.path and "." not in route.path
    }
    rollouts = {
        name: f"/rollouts/{getattr(world, name).id}"
        for name in ("watching", "withdrawn", "approval", "paused", "initial")
    }
    ended = {f"ended-{one.status.value}": f"/rollouts/{one.id}" for one in world.ended[1:]}
    return {
        **plain, **rollouts, **ended, "confirm-abort": f"{rollouts['watching']}/abort",
        "confirm-promote": f"{rollouts['watching']}/promote", "why": f"{rollouts['withdrawn']}/why",
        "made-plan": f"/plans/{world.watching.plan_hash}", "difference": f"/plans/{world.watching.plan_hash}/diff",
        "missing": "/rollouts/none", "service": "/services/checkout", "environment": "/services/checkout/production",
        "readiness": "/services/billing/production/readiness?version=3.1.0",
        "announcements": "/services/billing/production/announcements?version=3.1.0",
        "announcement": "/services/billing/production/announcements/internal_notice?version=3.1.0",
        "calendar-week": "/calendar?view=week", "release": "/releases/payments/5.3.0", "way": f"/ways/{world.way}",
        "ways": "/ways/of/payments", "trace": "/releases/payments/5.2.2/trace",
        "notes": "/releases/payments/5.2.2/notes", "report": "/reports/payments/production",
        "incident": f"/incidents/{world.ended[1].id}", "command-line": f"/login/device?code={world.code}",
        "flag": "/flags/search/staging", "audit-filtered": "/audit?outcome=refused", "why-may":
        "/why?action=deploy&service=payments&environment=production", "services-none": "/services?q=zzz",
        "services-drift": "/services?show=drift", "releases-none": "/releases?q=zzz",
        "choose-readiness": "/services/billing/production/readiness",
        "calendar-next": f"/calendar?day={datetime.now(UTC).date() + timedelta(days=30)}",
    }  # fmt: skip


def plan_of(service: str, version: str, environment: str = "production", **numbers: object) -> Plan:
    wanted: Mapping[str, object] = {
        "canary.weights": ["5%", "25%", "50%", "100%"], "canary.phase_duration": "4h", "approval.required": False,
        "checks.required": False, **{name.replace("__", "."): value for name, value in numbers.items()},
    }  # fmt: skip
    answers = Answers("minor", "canary", "small", "weekly", "low", ["internal-only"])
    overrides = {name: Override(value, "pilotage.yaml") for name, value in wanted.items()}
    of = Service(name=service, environment=environment, overrides=overrides)
    return make_plan(answers, version=version, service=replace(of, instances=12))


def _begun(project: Project, plan: Plan, old: str | None, hours: float, actor: str = "ada") -> Rollout:
    _install(project, plan.version)
    mode = Mode.FULL if old else Mode.INITIAL
    state = begin(plan, old, mode, actor)
    return project.store.create(plan, state, Snapshot(), actor, project.clock.now() - hours * _HOUR)


def _install(project: Project, version: str) -> None:
    """The program of the version, without which a plan says that it cannot be started."""
    program = project.config.parent / "bin" / version / "serve"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)


def _recorded(
    project: Project, rollout: Rollout, state: RolloutState, live: LiveView, *events: Event, ago: float = 0.0
) -> Rollout:
    """ago: hours."""
    found, at = project.store.get(rollout.id), project.clock.now() - ago * _HOUR
    return project.store.record(found, Decision(replace(state, at=at), (), events), None, live)


def _told(project: Project, rollout: Rollout, ago: float, *events: Event) -> Rollout:
    """At that time; hours."""
    found = project.store.get(rollout.id)
    at = project.clock.now() - ago * _HOUR
    return project.store.record(found, Decision(replace(found.state, at=at), (), events), None, found.live)


def _step(plan: Plan, kind: str) -> int:
    return next(index for index, step in enumerate(plan.steps) if step.id == kind)


def _crew(new: str, old: str, fresh: int, stale: int, sick: int = 0) -> tuple[SeenInstance, ...]:
    return (
        *(
            SeenInstance(id=f"web-{n + 1}", version=new, health="unhealthy" if n < sick else "healthy")
            for n in range(fresh)
        ),
        *(SeenInstance(id=f"web-{n + 1}", version=old, health="healthy") for n in range(fresh, fresh + stale)),
    )  # fmt: skip


def _verdicts(harm: bool = False) -> tuple[SeenVerdict, ...]:
    errors = (
        SeenVerdict(metric="application_error_rate", kind="fail", sentence="3.1× stable's errors, surely above 1.25×",
                    canary="0.62%", stable="0.20%", samples=84_201, ratio=3.1, interval=(2.4, 4.2),
                    detail=("GET /search 503: 212 of 9,120", "upstream timed out after 2s"))
        if harm
        else SeenVerdict(metric="application_error_rate", kind="pass", sentence="1.1×, within 1.25×", canary="0.21%",
                         stable="0.19%", samples=84_201, ratio=1.1, interval=(0.92, 1.21))
    )  # fmt: skip
    return (
        errors,
        SeenVerdict(metric="response_time_p95", kind="pass", sentence="3 % slower, limit 20 %", canary="182 ms",
                    stable="176 ms", samples=84_201, ratio=1.03, interval=(1.01, 1.06)),
        SeenVerdict(metric="memory_utilization", kind="inconclusive", sentence="growing 4 MB an hour: watched",
                    canary="412 MB", stable="344 MB", samples=240, ratio=1.2, interval=(1.1, 1.34)),
        SeenVerdict(metric="checkout_conversion", kind="insufficient-data",
                    sentence="about 40 min more at this traffic", samples=31),
    )  # fmt: skip


def _watching(project: Project) -> Rollout:
    plan = plan_of("checkout", "2.4.0")
    rollout = _begun(project, plan, "2.3.1", 6.3)
    _told(project, rollout, 6.2, Event("readiness-checked", "Ready: 24 of 25, one waived until Friday: load test.", {}))
    _told(project, rollout, 6.1, Event("step-started", "5% of requests go to 2.4.0.", {"step": "analyse-5%"}))
    _told(
        project,
        rollout,
        2.3,
        Event("step-started", "25% of requests go to 2.4.0, read back from both balancers.", {"step": "analyse-25%"}),
    )
    at = _step(plan, "analyse-25%")
    live = LiveView(
        at=project.clock.now() - 0.4, step="analyse-25%", title="analyse at 25%", watched=2.2 * _HOUR,
        duration=4 * _HOUR, wanted=250, routed=250, observed=248,
        requests={"2.4.0": 84_201, "2.3.1": 411_903}, verdicts=_verdicts(),
        forecast="twice as many errors would be known within 3m", health=0.97,
        checks=(SeenCheck(name="smoke", status="passed", detail="41 of 41 in 38 s"),),
        instances=_crew("2.4.0", "2.3.1", 3, 9),
    )  # fmt: skip
    state = replace(rollout.state, step=at, watched=2.2 * _HOUR, reached=250)
    _developed(project, rollout, live)
    return _recorded(project, rollout, state, live, Event("check-passed", "smoke passed: 41 of 41.", {}))


def _developed(project: Project, rollout: Rollout, last: LiveView) -> None:
    """Points of the metrics every few minutes: intervals narrow, as evidence grows."""
    for number in range(60):
        at = project.clock.now() - (60 - number) * 360.0
        wide = 1 + 3.0 / (number + 2)
        verdicts = tuple(
            replace(
                one, ratio=one.ratio * (1 + 0.05 * math.sin(number)),
                interval=((one.interval[0] or 0.1) / wide, (one.interval[1] or 9.0) * wide),
            )
            for one in last.verdicts
            if one.interval and one.ratio
        )  # fmt: skip
        found = project.store.get(rollout.id)
        seen = replace(last, at=at, verdicts=verdicts)
        project.store.record(found, Decision(replace(found.state, at=at), (), ()), None, seen)
        trends.sample(project.store.engine, at + 1)


def _withdrawn(project: Project) -> Rollout:
    plan = plan_of("search", "8.1.0")
    rollout = _begun(project, plan, "8.0.4", 5.0, "dan")
    _told(project, rollout, 4.9, Event("step-started", "5% of requests go to 8.1.0.", {"step": "analyse-5%"}))
    why = "errors 3.1× those of stable, limit 1.25×; 212 requests of users failed"
    live = LiveView(
        at=project.clock.now() - 0.7, step="analyse-25%", title="analyse at 25%", watched=420, duration=4 * _HOUR,
        wanted=0, routed=0, observed=0, requests={"8.1.0": 9_120, "8.0.4": 27_344}, verdicts=_verdicts(harm=True),
        instances=_crew("8.1.0", "8.0.4", 3, 9, sick=1),
    )  # fmt: skip
    state = replace(
        rollout.state, status=Status.WITHDRAWN, step=_step(plan, "analyse-25%"), reason=why, reached=250, returned=True,
        in_status=120.0, harmed=("application_error_rate",),
    )  # fmt: skip
    withdrawn = Event("traffic-withdrawn", f"All traffic returned to 8.0.4: {why}.", {"reason": why})
    return _recorded(project, rollout, state, live, withdrawn)


def _approval(project: Project) -> Rollout:
    plan = plan_of("billing", "3.0.0", approval__required=True, approval__count=2)
    rollout = _begun(project, plan, "2.9.0", 1.2)
    gate = next(index for index, step in enumerate(plan.steps) if step.kind.value == "gate")
    sentence = "waits for 1 of 2 approvals for production"
    state = replace(
        rollout.state, status=Status.HOLDING, step=gate, hold=Hold(HoldCause.APPROVAL, sentence, 600.0),
        reason=sentence, author="ada", approvals=("carol",),
    )  # fmt: skip
    live = LiveView(
        at=project.clock.now() - 0.2, step=plan.steps[gate].id, title=plan.steps[gate].title, wanted=0, routed=0,
        instances=_crew("3.0.0", "2.9.0", 1, 12),
    )  # fmt: skip
    asks = Event("hold-started", "3.0.0 waits for 2 approvals for production.", {"cause": "approval"})
    return _recorded(project, rollout, state, live, asks)


def _paused(project: Project) -> Rollout:
    plan = plan_of("mobile-api", "4.9.1")
    rollout = _begun(project, plan, "4.9.0", 3.0, "dan")
    state = replace(
        rollout.state, status=Status.PAUSED, step=_step(plan, "analyse-5%"), reason="paused by dan: lunch", reached=50,
        in_status=900.0,
    )  # fmt: skip
    live = LiveView(
        at=project.clock.now() - 0.5, step="analyse-5%", title="analyse at 5%", watched=900, duration=4 * _HOUR,
        wanted=50, routed=50, observed=51, requests={"4.9.1": 2_100, "4.9.0": 41_000}, verdicts=_verdicts()[1:],
        instances=_crew("4.9.1", "4.9.0", 1, 12),
    )  # fmt: skip
    return _recorded(project, rollout, state, live, Event("paused", "Paused by dan: lunch.", {"actor": "dan"}))


def _initial(project: Project) -> Rollout:
    plan = plan_of("mail", "2.0.0", "staging")
    return _begun(project, plan, None, 0.01)


def _ended(project: Project, service: str, version: str, status: Status, reason: str) -> Rollout:
    plan = plan_of(service, version)
    old = SERVICES[service] if SERVICES[service] != version else "2.3.0"
    rollout = _begun(project, plan, old, 60.0)
    done = status is Status.COMPLETED
    state = replace(
        rollout.state, status=status, reason=reason, step=len(plan.steps) - 1 if done else _step(plan, "analyse-25%"),
        reached=1000 if done else 250,
    )  # fmt: skip
    share = 1000 if done else 0
    live = LiveView(
        at=project.clock.now() - 30 * _HOUR, wanted=share, routed=share, observed=share,
        verdicts=_verdicts(harm=not done), requests={version: 1_204_112, old: 3_651_774},
        instances=_crew(version, old, 12, 0) if done else (),
    )  # fmt: skip
    word = "completed" if done else status.value
    said = f"{version} was {status.word.lower()}. {reason}" if not done else f"{version} completed."
    ago, data = 4.0 + 7 * len(version), {"outcome": f"{old} serves all users"} if share == 0 else {}
    return _recorded(project, rollout, state, live, Event(word, said, data), ago=ago)
