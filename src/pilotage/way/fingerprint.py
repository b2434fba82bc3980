"""By what a stage is known across ways: its definition, the files of the commit, and the artifacts that it saw.

A stage with the same fingerprint need not run again. One that tests an environment always runs, for the environment is
another one each time; so does a rollout.
"""

from __future__ import annotations

import hashlib

from pilotage.model.canonical import canonical_json
from pilotage.model.way import Artifact, AwaitStage, EnvironmentStage, RunStage, Way, WayStage


def fingerprint_of(way: Way, stage: WayStage, artifacts: tuple[Artifact, ...]) -> str:
    """SHA-256, hexadecimal; empty for a stage that runs in every way."""
    if isinstance(stage, EnvironmentStage) or stage.tests or not way.tree:
        return ""
    seen: dict[str, object] = {"service": way.service, "artifacts": sorted(one.digest for one in artifacts)}
    match stage:
        case RunStage():
            # The version is among what the commands can see.
            seen |= {"run": stage.commands, "makes": stage.artifacts, "env": stage.env, "pass_env": stage.pass_env}
            seen |= {"tree": way.tree, "version": way.version, "images": stage.images, "proven": stage.provenance}
        case AwaitStage():
            seen |= {"await": stage.section, "commit": way.commit, "proven": stage.provenance}
    return hashlib.sha256(canonical_json({"stage": stage.name, **seen}).encode()).hexdigest()
