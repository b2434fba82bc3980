"""A rollout among the deployments of a GitHub repository: one deployment for each run of a job, with its states."""

from __future__ import annotations

import json

from pilotage.adapters.code_host import CodeRepository, patiently
from pilotage.adapters.ports import AdapterError
from pilotage.model.deployment import Deployment, DeploymentState
from pilotage.model.json import Json, JsonObject, WrongJson, find, text_at, whole_at
from pilotage.model.text import line

_MOST_WORDS = 140
"""Characters of a status's description."""
_TASK = "deploy"


def report_deployment(place: CodeRepository, wanted: Deployment) -> str:
    """Show the state of a deployment, which is made unless this run has one; returns its address. The same state twice
    in a row is written once. Raises AdapterError."""
    try:
        return patiently(lambda: _report(place, wanted))
    except WrongJson as error:
        raise AdapterError(f"{place.address('/deployments')} did not return a deployment: {error}") from None


def set_state(
    place: CodeRepository, number: int, state: DeploymentState, sentence: str, environment: str
) -> None:  # fmt: skip
    """Show the state of a deployment that somebody else made. The same state twice in a row is written once. Raises
    AdapterError."""
    status: JsonObject = {
        "state": state.value, "description": line(sentence, _MOST_WORDS), "environment": environment
    }  # fmt: skip
    _write_state(place, number, status)


def _report(place: CodeRepository, wanted: Deployment) -> str:
    known = _known(place, wanted)
    made = place.write("POST", "/deployments", _content(wanted)) if known is None else known
    _write_state(place, whole_at(made, "id"), _status(wanted), fresh=known is None)
    return text_at(made, "url")


def _write_state(place: CodeRepository, number: int, status: JsonObject, *, fresh: bool = False) -> None:
    """fresh: the deployment has none yet."""
    statuses = f"/deployments/{number}/statuses"
    last = None if fresh else next(iter(place.pages(statuses)), None)
    if not all(find(last, name) == value for name, value in status.items()):
        place.write("POST", statuses, status)


def _known(place: CodeRepository, wanted: Deployment) -> Json:
    """The deployment that this run has made; None if it has made none."""
    ours = _payload(wanted)
    for one in place.pages("/deployments", sha=wanted.commit, environment=wanted.environment, task=_TASK):
        if _as_object(find(one, "payload")) == ours:
            return one
    return None


def _as_object(payload: Json) -> Json:
    """GitHub returns a payload as it was sent, or as text."""
    if not isinstance(payload, str):
        return payload
    try:
        found: Json = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return found


def _payload(wanted: Deployment) -> JsonObject:
    return {"pilotage": wanted.service, "version": wanted.version, "run": wanted.run}


def _content(wanted: Deployment) -> JsonObject:
    # Pilotage's own gates decide: GitHub is to merge nothing, and to wait for no other check.
    return {
        "ref": wanted.commit, "task": _TASK, "auto_merge": False, "required_contexts": [],
        "environment": wanted.environment, "payload": _payload(wanted),
        "description": line(f"{wanted.service} {wanted.version}, by Pilotage", _MOST_WORDS),
    }  # fmt: skip


def _status(wanted: Deployment) -> JsonObject:
    return {
        "state": wanted.state.value,
        "description": line(wanted.sentence, _MOST_WORDS),
        "environment": wanted.environment,
        **({"environment_url": wanted.environment_url} if wanted.environment_url else {}),
        **({"log_url": wanted.log_url} if wanted.log_url else {}),
    }
