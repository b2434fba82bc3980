"""What the runner of a pipeline keeps of a deployment: a summary of the job, and outputs for the steps after it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from pilotage.app.project import Project
from pilotage.model.errors import PilotageError
from pilotage.model.pipeline import PipelineHost, pipeline_host
from pilotage.render.log_groups import LogGroups


def log_groups_here() -> LogGroups:
    """How the log of this job is grouped."""
    match pipeline_host(os.environ):
        case PipelineHost.GITHUB:
            return LogGroups.GITHUB
        case PipelineHost.GITLAB:
            return LogGroups.GITLAB
        case None:
            return LogGroups.NONE


def _summarises() -> bool:
    """Whether the runner keeps anything."""
    return bool(os.environ.get("GITHUB_STEP_SUMMARY") or os.environ.get("GITHUB_OUTPUT"))


def summarise(project: Project, identity: str) -> None:
    """Keep how a rollout went. What cannot be kept is a warning: the rollout is what it is."""
    if not _summarises():
        return
    from pilotage.adapters.pipelines import add_to_summary, set_outputs
    from pilotage.app.explain import explained
    from pilotage.render.rollout_summary import rollout_summary

    try:
        summary, events = project.summary(identity), project.records.events(identity)
        values = {"rollout": identity, "status": summary.status.value, "version": summary.version}
        set_outputs(values | {"environment": summary.environment})
        why = explained(project, summary.environment, identity).explanation.why
        add_to_summary(rollout_summary(summary, why, events))
    except Exception as error:  # the store may be away by now
        project.warn(f"the job summary is incomplete: {error}")


def summarise_unchanged(project: Project, sentence: str) -> None:
    """Keep that the version serves already."""
    from pilotage.render.markdown import literal

    _keep(project, {"rollout": "", "status": "unchanged"}, f"### ✅ {literal(sentence)}")


def summarise_refusal(project: Project, title: str, error: PilotageError) -> None:
    """Keep why a rollout was not started."""
    from pilotage.render.rollout_summary import refused_summary

    _keep(project, {"rollout": "", "status": "not-started"}, refused_summary(title, str(error)))


def _keep(project: Project, outputs: Mapping[str, str], text: str) -> None:
    from pilotage.adapters.pipelines import add_to_summary, set_outputs
    from pilotage.adapters.ports import AdapterError

    try:
        set_outputs(outputs)
        add_to_summary(text)
    except AdapterError as failed:
        project.warn(f"the job summary is incomplete: {failed}")
