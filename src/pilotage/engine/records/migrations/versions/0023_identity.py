"""People, their sessions and tokens, roles, and the record of every change."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.create_table(
        "persons",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("email", sa.String, nullable=False, server_default=""),
        sa.Column("password", sa.String),
        sa.Column("totp", sa.String),
        sa.Column("totp_step", sa.Integer),
        sa.Column("recovery", sa.JSON, nullable=False),
        sa.Column("issuer", sa.String),
        sa.Column("subject", sa.String),
        sa.Column("groups", sa.JSON, nullable=False),
        sa.Column("emergency", sa.Integer, nullable=False, server_default="0"),
        sa.Column("ssh_keys", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("disabled_at", sa.Float),
    )
    op.create_index("ix_persons_subject", "persons", ["issuer", "subject"], unique=True)
    op.create_index("ix_persons_name", "persons", ["name"], unique=True)
    op.create_table(
        "passkeys",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("person", sa.Integer, sa.ForeignKey("persons.id", name="fk_passkeys_person"), nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("public_key", sa.Text, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("used_at", sa.Float),
    )
    op.create_index("ix_passkeys_person", "passkeys", ["person"])
    op.create_table(
        "sessions",
        sa.Column("hash", sa.String, primary_key=True),
        sa.Column("person", sa.Integer, sa.ForeignKey("persons.id", name="fk_sessions_person"), nullable=False),
        sa.Column("proof", sa.String, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("seen_at", sa.Float, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
        sa.Column("address", sa.String, nullable=False),
        sa.Column("agent", sa.String, nullable=False),
    )
    op.create_index("ix_sessions_expires", "sessions", ["expires_at"])
    op.create_index("ix_sessions_person", "sessions", ["person"])
    op.create_table(
        "tokens",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("hash", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("grants", sa.JSON, nullable=False),
        sa.Column("created_by", sa.String, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("expires_at", sa.Float),
        sa.Column("used_at", sa.Float),
        sa.Column("used_from", sa.String, nullable=False, server_default=""),
        sa.Column("revoked_at", sa.Float),
        sa.Column("purpose", sa.String, nullable=False, server_default="personal"),
    )
    op.create_index("ix_tokens_owner", "tokens", ["owner"])
    op.create_table(
        "grants",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("holder_kind", sa.String, nullable=False),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("service", sa.String, nullable=False),
        sa.Column("environment", sa.String, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_index(
        "ix_grants_once", "grants", ["holder_kind", "holder", "role", "service", "environment"], unique=True
    )
    op.create_table(
        "custom_roles",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("permissions", sa.JSON, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_table(
        "links",
        sa.Column("hash", sa.String, primary_key=True),
        sa.Column("purpose", sa.String, nullable=False),
        sa.Column("about", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
        sa.Column("used_at", sa.Float),
    )
    op.create_index("ix_links_expires", "links", ["expires_at"])
    op.create_table(
        "failures",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("last_at", sa.Float, nullable=False),
    )
    op.create_index("ix_failures_last_at", "failures", ["last_at"])
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("proof", sa.String, nullable=False),
        sa.Column("address", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("object", sa.String, nullable=False),
        sa.Column("service", sa.String, nullable=False),
        sa.Column("environment", sa.String, nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True)),
        sa.Column("after", sa.JSON(none_as_null=True)),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("previous", sa.String, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
    )
    op.create_index("ix_audit_object", "audit", ["object", "number"])
    op.create_index("ix_audit_place", "audit", ["service", "environment", "number"])
    op.create_index("ix_audit_actor", "audit", ["actor", "number"])
    op.create_table(
        "answers_once",
        sa.Column("who", sa.String, primary_key=True),
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("request", sa.String, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("until", sa.Float, nullable=False),
        sa.Column("acted", sa.Integer, nullable=False, server_default="0"),
        sa.Column("made", sa.JSON(none_as_null=True)),
        sa.Column("status", sa.Integer),
        sa.Column("headers", sa.JSON(none_as_null=True)),
        sa.Column("body", sa.Text),
    )
    op.create_index("ix_answers_once_at", "answers_once", ["at"])
    op.create_table(
        "feed",
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("of", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
    )
    op.create_index("ix_feed_once", "feed", ["kind", "of", "number"], unique=True)
    op.create_table(
        "feed_heads",
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("of", sa.String, primary_key=True),
        sa.Column("events", sa.Integer, nullable=False),
    )
