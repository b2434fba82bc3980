"""What a job of a pipeline tells its code host: a comment with the plan, a check with the gates, a deployment."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pilotage.adapters.check_runs import publish_check
from pilotage.adapters.code_host import NotPermitted
from pilotage.adapters.deployments import report_deployment
from pilotage.adapters.pipelines import add_to_summary, pipeline_here, repository_of, set_outputs
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.request_comments import MOST, put_comment
from pilotage.app.base_plan import difference_to
from pilotage.app.known_risk import planned, within_budget
from pilotage.app.plan import PlanRequest
from pilotage.app.project import Project
from pilotage.app.readiness.assessment import assess_readiness, enforced
from pilotage.app.readiness.places import places_of
from pilotage.model.deployment import Deployment, deployment_state
from pilotage.model.pipeline import Pipeline, PipelineHost
from pilotage.model.readiness import Readiness
from pilotage.model.status import Status
from pilotage.render.readiness import to_markdown
from pilotage.render.readiness_findings import to_check_run
from pilotage.render.request_comment import RequestComment, comment_text, harmless, mark_of

_RISK_WITHIN = 60.0
"""Seconds that a comment waits for the risk of its commits."""


@dataclass(frozen=True, kw_only=True)
class Posted:
    """url: where it is, empty if it is nowhere · sentence: what was done, or why it was not."""

    url: str
    sentence: str


def version_here(named: str | None) -> str:
    """The version meant: the one named, or the commit of the job. Raises AdapterError."""
    return named or pipeline_here().version


# ── the plan ───────────────────────────────────────────────────────────────────────────────────────────────


def request_comment(project: Project, environment: str, wish: PlanRequest, base: str) -> RequestComment:
    """A plan, what it changes, and the risk of the commits since the base. Where no records say what serves, as in a
    fresh checkout, it is the plan of an update: few requests are about a first deployment."""
    wish = wish if project.has_store else replace(wish, as_update=True)
    made = planned(project, environment, wish)
    found = difference_to(project, base, wish, made)
    comment = RequestComment(plan=made, base=found.base, changes=found.changes, no_base=found.why)
    if not base:
        return replace(comment, risk=made.risk, no_risk=made.risk_unknown or "no base is known")
    try:
        return replace(comment, risk=within_budget(project, f"{base}..HEAD", wish.release_date, _RISK_WITHIN))
    except AdapterError as error:
        return replace(comment, no_risk=str(error))


def post_comment(project: Project, environment: str, wish: PlanRequest, base: str | None) -> Posted:
    """Put the plan on the pull or merge request, in place of the comment before. Where the job may not, the text goes
    to the job summary. base: None for that of the request. Raises AdapterError."""
    job = pipeline_here()
    comment = request_comment(project, environment, wish, job.base if base is None else base)
    set_outputs({
        "plan": comment.plan.hash, "blocked": str(bool(comment.plan.stopped_by)).lower(),
        "changes": "unknown" if comment.changes is None else str(len(comment.changes)),
    })  # fmt: skip
    text = comment_text(comment, MOST[job.host.value])
    if job.request is None:
        return _in_summary(text, "this job belongs to no pull or merge request")
    try:
        url = put_comment(repository_of(job), job.request, mark_of(comment.plan), text)
    except NotPermitted as error:
        if not job.fork:
            raise NotPermitted(f"{error}: {_needs(job, 'pull-requests: write')}") from None
        return _in_summary(text, "a job of a fork has no token that may write comments")
    return Posted(url=url, sentence=f"the plan is on request {job.request}{f': {url}' * bool(url)}")


def _in_summary(text: str, why: str) -> Posted:
    kept = add_to_summary(text)
    where = "it is in the job summary instead" if kept else "it is not shown"
    return Posted(url="", sentence=f"no comment, because {why}; {where}")


def _needs(job: Pipeline, permission: str) -> str:
    """What to give the token."""
    variable = job.host.token_variable
    if job.host is PipelineHost.GITLAB:
        return f"set {variable} to a project access token with the scope `api` and the role Reporter"
    return f"set {variable} and give the job `permissions: {permission}`"


# ── readiness ──────────────────────────────────────────────────────────────────────────────────────────────


def check_readiness(project: Project, environment: str, wish: PlanRequest) -> Readiness:
    """The gates of a version, also in the job summary and as outputs of the step. Raises AdapterError."""
    found = assess_readiness(project, project.actor, planned(project, environment, wish))
    add_to_summary(harmless(f"##{to_markdown(found)}"))
    set_outputs({"ready": str(found.ready).lower(), "plan": found.plan, "missing": str(len(found.missing))})
    return found


def post_check(project: Project, found: Readiness) -> Posted:
    """Show the gates as a check of the commit. Raises AdapterError."""
    job = pipeline_here()
    if job.host is PipelineHost.GITLAB:
        return Posted(url="", sentence="GitLab shows the gates from the report of --code-quality")
    places, binding = places_of(project, found), enforced(project.loaded, found.environment)
    check = to_check_run(found, places, job.run_url, enforced=binding)
    try:
        url = publish_check(repository_of(job), job.commit, check)
    except NotPermitted as error:
        if not job.fork:
            raise NotPermitted(f"{error}: {_needs(job, 'checks: write')}") from None
        return Posted(url="", sentence="no check, because a job of a fork has no token that may write checks")
    return Posted(url=url, sentence=f"the gates are at {url}")


# ── deployments ────────────────────────────────────────────────────────────────────────────────────────────


def post_deployment(project: Project, environment: str, version: str, exit_status: int | None, url: str) -> Posted:
    """Show the state of a version's rollout among the repository's deployments. Said again, it changes nothing.

    exit_status: of `pilotage deploy`, None while it has not ended · url: of the environment. Raises AdapterError.
    """
    job = pipeline_here()
    if job.host is PipelineHost.GITLAB:
        return Posted(url="", sentence="GitLab records the deployment of a job with `environment:` itself")
    service, (status, said) = project.service_name, _rollout(project, environment, version)
    state = deployment_state(status, exit_status)
    if status is None and exit_status:
        said = f"was not started (exit status {exit_status}); the log of the job says why"
    wanted = Deployment(
        commit=job.commit, service=service, environment=environment, version=version, run=job.run, state=state,
        sentence=f"{version} {said}", environment_url=url, log_url=job.run_url,
    )  # fmt: skip
    try:
        where = report_deployment(repository_of(job), wanted)
    except NotPermitted as error:
        raise NotPermitted(f"{error}: {_needs(job, 'deployments: write')}") from None
    return Posted(url=where, sentence=f"the deployment to {environment} is {state}: {where}")


def _rollout(project: Project, environment: str, version: str) -> tuple[Status | None, str]:
    """The status of the version's rollout, if it is the newest there, and how it goes."""
    latest = project.records.newest(project.service_name, environment) if project.has_store else None
    if latest is None or latest.version != version:
        return None, "is about to roll out"
    return latest.status, f"is {latest.status}{f': {latest.reason}' * bool(latest.reason)}"
