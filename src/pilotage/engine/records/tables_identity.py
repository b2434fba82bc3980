"""Tables of people, their sessions and tokens, roles, and of everything that anyone changed."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Float, ForeignKey, Index, Integer, String, Table, Text

from pilotage.engine.records.tables import metadata
from pilotage.engine.records.texts import SafeString, SafeText

persons = Table(
    "persons",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", SafeString, nullable=False),
    Column("email", SafeString, nullable=False, server_default=""),
    Column("password", String),
    Column("totp", String),
    Column("totp_step", Integer),
    Column("recovery", JSON, nullable=False),
    Column("issuer", SafeString),
    Column("subject", SafeString),
    Column("groups", JSON, nullable=False),
    Column("emergency", Integer, nullable=False, server_default="0"),
    Column("ssh_keys", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("disabled_at", Float),
    Index("ix_persons_name", "name", unique=True),
    Index("ix_persons_subject", "issuer", "subject", unique=True),
)
"""password: argon2 hash; NULL for who signs in elsewhere · totp: the encrypted secret · totp_step: the last time step
that was used, so that no code counts twice · recovery: hashes of recovery codes that are left · issuer, subject: of the
identity provider · groups: as the provider last named them · emergency: 1 for an account that works while the provider
is down."""

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", String, primary_key=True),
    Column("person", Integer, ForeignKey("persons.id", name="fk_passkeys_person"), nullable=False),
    Column("name", SafeString, nullable=False),
    Column("public_key", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("used_at", Float),
    Index("ix_passkeys_person", "person"),
)
"""id: the credential id, base64url · count: the signature counter."""

sessions = Table(
    "sessions",
    metadata,
    Column("hash", String, primary_key=True),
    Column("person", Integer, ForeignKey("persons.id", name="fk_sessions_person"), nullable=False),
    Column("proof", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("seen_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("address", SafeString, nullable=False),
    Column("agent", SafeString, nullable=False),
    Index("ix_sessions_person", "person"),
    Index("ix_sessions_expires", "expires_at"),
)
"""hash: SHA-256 of the secret in the cookie, which is kept nowhere."""

tokens = Table(
    "tokens",
    metadata,
    Column("id", String, primary_key=True),
    Column("hash", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("owner", SafeString, nullable=False),
    Column("name", SafeString, nullable=False),
    Column("grants", JSON, nullable=False),
    Column("created_by", SafeString, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("used_at", Float),
    Column("used_from", SafeString, nullable=False, server_default=""),
    Column("revoked_at", Float),
    Column("purpose", String, nullable=False, server_default="personal"),
    Index("ix_tokens_owner", "owner"),
)
"""id: the public part · hash: SHA-256 of the secret part · kind: HolderKind · owner: person or service account ·
grants: what it may at most, as objects with role, service and environment · purpose: TokenPurpose."""

grants = Table(
    "grants",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("holder_kind", String, nullable=False),
    Column("holder", SafeString, nullable=False),
    Column("role", SafeString, nullable=False),
    Column("service", SafeString, nullable=False),
    Column("environment", SafeString, nullable=False),
    Column("by", SafeString, nullable=False),
    Column("at", Float, nullable=False),
    Index("ix_grants_once", "holder_kind", "holder", "role", "service", "environment", unique=True),
)

custom_roles = Table(
    "custom_roles",
    metadata,
    Column("name", SafeString, primary_key=True),
    Column("permissions", JSON, nullable=False),
    Column("by", SafeString, nullable=False),
    Column("at", Float, nullable=False),
)

links = Table(
    "links",
    metadata,
    Column("hash", String, primary_key=True),
    Column("purpose", String, nullable=False),
    Column("about", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("used_at", Float),
    Index("ix_links_expires", "expires_at"),
)
"""One-time secrets: the first account, an invitation, a lost password, the login of a command line. hash: SHA-256 of
the secret · about: what it leads to."""

failures = Table(
    "failures",
    metadata,
    Column("key", String, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("last_at", Float, nullable=False),
    Index("ix_failures_last_at", "last_at"),
)
"""Attempts to sign in that did not succeed. key: SHA-256 of a name, an address or a browser · count: since the last
success."""

audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("actor", SafeString, nullable=False),
    Column("kind", String, nullable=False),
    Column("proof", String, nullable=False),
    Column("address", SafeString, nullable=False),
    Column("action", String, nullable=False),
    Column("object", SafeString, nullable=False),
    Column("service", SafeString, nullable=False),
    Column("environment", SafeString, nullable=False),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON(none_as_null=True)),
    Column("reason", SafeText, nullable=False),
    Column("outcome", String, nullable=False),
    Column("previous", String, nullable=False),
    Column("hash", String, nullable=False),
    Index("ix_audit_actor", "actor", "number"),
    Index("ix_audit_object", "object", "number"),
    Index("ix_audit_place", "service", "environment", "number"),
)
"""Every change that anyone made or was refused, in one chain. number: from 1, without gaps · outcome: done or refused ·
previous: hash of the row before; hash: of everything else in the row."""
