"""R33: what proved itself in one environment is deployed to the next one, and nothing else is."""

from __future__ import annotations

import copy
import json

import pytest

from pilotage.adapters.free_port import free_port

from ..typed import typed
from .conftest import Make, Shop

pytestmark = pytest.mark.real


def with_staging(it: Shop) -> str:
    """A second environment like production; returns its address."""
    path = it.directory / "pilotage.yaml"
    whole = json.loads(path.read_text())
    staging = copy.deepcopy(whole["environments"]["production"])
    staging["router"]["listen"] = f"127.0.0.1:{free_port()}"
    whole["environments"]["staging"] = staging
    path.write_text(json.dumps(whole, indent=2))
    return f"http://{staging['router']['listen']}"


def refusal(it: Shop, *arguments: str, status: int = 3) -> str:
    """What `deploy` says as it refuses."""
    done = typed("deploy", *arguments, cwd=it.directory)
    assert done.returncode == status, done
    return done.stderr


def test_what_completed_in_staging_is_promoted(shop: Make) -> None:
    it = shop()
    with_staging(it)
    for arguments, status, sentence in (
        (("--from", "staging"), 2, "name the environment with -e: production, staging"),
        (("--from", "staging", "-e", "staging"), 2, "staging cannot be promoted to itself"),
        (("--from", "nowhere", "-e", "production"), 2, "has no environment 'nowhere'; it has production, staging"),
        (("-e", "production"), 2, "name the VERSION, or the environment to take it from with --from"),
        (("v1", "-e", "production", "--baked", "1h"), 2, "--baked requires --from"),
        (("--from", "staging", "-e", "production"), 3, "no version serves staging yet: deploy one with"),
    ):
        assert sentence in refusal(it, *arguments, status=status)
    it.run("deploy", it.release("v1"), "-e", "staging")
    for taken, sentence in (
        (("v2", "--from", "staging"), "staging serves v1, not v2: deploy v2 to staging first"),
        (("--from", "staging", "--baked", "1h"), "and bakes for 1h: promote it after"),
    ):
        assert sentence in refusal(it, *taken, "-e", "production")
    assert not it.store().serving("shop", "production")

    lines = it.run("deploy", "--from", "staging", "-e", "production")
    assert "v1 comes from staging, where its rollout completed at" in lines
    store = it.store()
    assert store.serving("shop", "production") == ("v1",)
    [brought] = store.history("shop", "staging")
    [told] = [e for e in store.events(store.history("shop", "production")[0].id) if e.type == "promoted-from"]
    assert told.data["rollout"] == brought.id
    store.close()


def test_what_is_under_way_or_was_rolled_back_is_not_promoted(shop: Make) -> None:
    it = shop(canary__phase_duration="60s")
    with_staging(it)
    it.run("deploy", it.release("v1"), "-e", "staging")
    it.run("deploy", it.release("v2"), "-e", "staging", "--detach")
    busy = refusal(it, "--from", "staging", "-e", "production", status=7)
    assert "in staging: wait until it has completed there" in busy
    it.run("abort", "-e", "staging", expect=None)
    it.run("watch", "-e", "staging", expect=4)
    assert "staging serves v1, not v2" in refusal(it, "--from", "staging", "v2", "-e", "production")
    it.run("deploy", "--from", "staging", "-e", "production")
    store = it.store()
    assert store.serving("shop", "production") == ("v1",)
    store.close()
