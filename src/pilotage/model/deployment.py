"""A rollout as a code host shows it among its deployments."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pilotage.model.status import Status


class DeploymentState(StrEnum):
    """As GitHub names them."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """commit: full id of what is deployed · run: which run of a job deploys it · environment_url: where users find it,
    empty if unknown · log_url: where the job's log is, empty if unknown."""

    commit: str
    service: str
    environment: str
    version: str
    run: str
    state: DeploymentState
    sentence: str
    environment_url: str = ""
    log_url: str = ""


def deployment_state(status: Status | None, exit_status: int | None) -> DeploymentState:
    """What a code host is told. status: of the version's rollout, None if it has none · exit_status: of `pilotage
    deploy`, None if it has not ended. A rollout that is under way stays so whatever became of the job."""
    match status:
        case None if exit_status is None:
            return DeploymentState.QUEUED
        case None:
            return DeploymentState.ERROR if exit_status else DeploymentState.SUCCESS
        case Status.COMPLETED:
            return DeploymentState.SUCCESS
        case Status.ROLLED_BACK | Status.CANCELLED:
            return DeploymentState.FAILURE
        case Status.FAILED:
            return DeploymentState.ERROR
        case Status.QUEUED:
            return DeploymentState.QUEUED
        case _:
            return DeploymentState.IN_PROGRESS
