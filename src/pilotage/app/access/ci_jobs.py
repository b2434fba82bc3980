"""Signs CI jobs in by the id-token of their CI: no secret is stored anywhere.

Why a token was refused stands in the audit log. The sentence that the sender gets is the same for every reason.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pilotage.adapters.issuer_keys import IssuerKeys
from pilotage.adapters.ports import AdapterError
from pilotage.app.auditing import failed_job, signing_in
from pilotage.app.identity import tokens
from pilotage.app.identity.secrets import hash_of
from pilotage.app.project import Project
from pilotage.config.yaml_reader import ConfigError
from pilotage.model.access import Grant, HolderKind, Identity, Proof, TokenPurpose
from pilotage.model.actor import ActorKind
from pilotage.model.errors import PilotageError
from pilotage.model.json import Json
from pilotage.model.text import line

if TYPE_CHECKING:
    from pilotage.config.ci_policies import CiPolicySection

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures with a private key that only the issuer has. `none` and HS256 are not among them."""
_LONGEST = 16_000
_LEEWAY = 30
"""Seconds by which clocks may differ."""
_LIFETIME = 3600.0
_KEEP = 7 * 86400.0

_REFUSED = "this id-token is not accepted here; the server's audit log says why"

_KEYS = IssuerKeys()


class JobRefused(PilotageError):
    """The id-token is not valid here, or no policy under `server.ci` fits it. The audit log says why."""

    exit_status, http_status = 8, 401


class _NotAccepted(Exception):
    """The reason, for the audit log."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A CI job whose id-token is valid. name: what the claims say of it · expires: of the id-token, Unix seconds ·
    once: what only this id-token has."""

    account: str
    grants: tuple[Grant, ...]
    name: str
    expires: float
    once: str


@dataclass(frozen=True, kw_only=True)
class JobToken:
    """text: a token of Pilotage for this job · expires: Unix seconds."""

    text: str
    account: str
    grants: tuple[Grant, ...]
    expires: float


def looks_like_one(text: str) -> bool:
    """Whether a text is in the form of an id-token."""
    return text.startswith("eyJ") and text.count(".") == 2


def identity_of(project: Project, text: str, address: str, keys: IssuerKeys = _KEYS) -> Identity:
    """Who a job is that sends its id-token with each request. Raises JobRefused."""
    job = _accepted(project, text, address, keys)
    return Identity(name=job.account, kind=ActorKind.MACHINE, proof=Proof.CI, grants=job.grants, address=address)


def exchange(project: Project, text: str, address: str, keys: IssuerKeys = _KEYS) -> JobToken:
    """A token for an hour instead of an id-token, which lasts minutes. Each id-token counts once: whoever finds it in
    a log later gets nothing. Raises JobRefused."""
    job, now = _accepted(project, text, address, keys), project.clock.now()
    if not project.store.accounts.links.first_time(hash_of(f"ci {job.once}"), now, job.expires - now + _LEEWAY):
        failed_job(project.store, address, f"{job.name}: its id-token was exchanged before")
        raise JobRefused(_REFUSED)
    project.store.tokens.forget_jobs(now - _KEEP)
    with signing_in(job.account, Proof.CI, address, ActorKind.MACHINE):
        made = tokens.issue(
            project.store, job.account, job.name, job.grants, job.account, now + _LIFETIME, HolderKind.SERVICE,
            TokenPurpose.CI,
        )  # fmt: skip
    return JobToken(text=made, account=job.account, grants=job.grants, expires=now + _LIFETIME)


def _accepted(project: Project, text: str, address: str, keys: IssuerKeys) -> Job:
    try:
        return _job(project, text, keys)
    except _NotAccepted as why:
        failed_job(project.store, address, str(why))
        raise JobRefused(_REFUSED) from None


def _job(project: Project, text: str, keys: IssuerKeys) -> Job:
    """Raises _NotAccepted."""
    if len(text) > _LONGEST or not looks_like_one(text):
        raise _NotAccepted("it is no id-token")
    header, unproven = _part(text, 0), _part(text, 1)
    issuer = str(unproven.get("iss", ""))
    policies = [one for one in _policies(project) if one.issuer.rstrip("/") == issuer.rstrip("/")]
    if not policies:
        raise _NotAccepted(f"no policy names the issuer {line(issuer, 200)!r}")
    claims = _proven(project, text, policies[0].issuer, str(header.get("kid", "")), keys)
    reasons = list[str]()
    for policy in policies:
        if not (why := _misfit(policy, claims)):
            expires = claims["exp"]
            assert isinstance(expires, int | float)
            return Job(
                account=policy.account, grants=tuple(map(Grant.read, policy.grants)), name=_name(claims),
                expires=float(expires), once=f"{issuer} {claims.get('jti') or text.rpartition('.')[0]}",
            )  # fmt: skip
        reasons.append(f"{policy.account}: {why}")
    raise _NotAccepted("; ".join(reasons))


def _policies(project: Project) -> list[CiPolicySection]:
    try:
        return list(project.whole.configuration.server.ci)
    except ConfigError:
        raise _NotAccepted("pilotage.yaml cannot be read") from None


def _part(text: str, number: int) -> Mapping[str, Json]:
    """Header or claims, as they are written, whoever wrote them. Raises _NotAccepted."""
    part = text.split(".")[number]
    try:
        found: Json = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        raise _NotAccepted("it is no id-token") from None
    if not isinstance(found, dict):
        raise _NotAccepted("it is no id-token")
    return found


def _proven(project: Project, text: str, issuer: str, kid: str, keys: IssuerKeys) -> Mapping[str, Json]:
    """The claims, whose signature and times are right. Raises _NotAccepted."""
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    try:
        known = [one for one in keys.of(issuer, kid) if isinstance(one, dict) and one.get("kty") in ("RSA", "EC")]
        fitting = [one for one in known if one.get("kid") == kid] if kid else known
        if not fitting:
            raise _NotAccepted(f"{issuer} has no key {line(kid, 100)!r}")
        decoded = jwt.decode(text, KeySet.import_key_set({"keys": fitting}), algorithms=list(ALGORITHMS))
        times = jwt.JWTClaimsRegistry(
            now=int(project.clock.now()), leeway=_LEEWAY, exp={"essential": True}, iss={"essential": True}
        )  # fmt: skip
        times.validate(decoded.claims)
    except AdapterError as error:
        raise _NotAccepted(f"its issuer's keys could not be read: {error}") from None
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise _NotAccepted(f"{type(error).__name__}: {line(str(error), 200)}") from None
    return decoded.claims


def _misfit(policy: CiPolicySection, claims: Mapping[str, Json]) -> str:
    """What does not fit the policy; empty where all does."""
    audience = claims.get("aud")
    if policy.audience not in (audience if isinstance(audience, list) else [audience]):
        return f"the audience is {line(str(audience), 200)!r}, not {policy.audience!r}"
    for name, wanted in policy.claims.items():
        value = claims.get(name)
        patterns = wanted if isinstance(wanted, list) else [wanted]
        if (
            isinstance(value, bool | dict | list)
            or value is None
            or not any(_fits(str(value), one) for one in patterns)
        ):
            return f"{name} is {line(str(value), 200)!r}, not {' or '.join(patterns)!r}"
    return ""


def _fits(value: str, pattern: str) -> bool:
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern


def _name(claims: Mapping[str, Json]) -> str:
    """What the job is called in lists: its repository and run."""
    where = claims.get("repository") or claims.get("project_path") or claims.get("sub") or ""
    run = claims.get("run_id") or claims.get("pipeline_id") or claims.get("job_id") or ""
    return line(f"CI job {where} {run}", 100).strip()
