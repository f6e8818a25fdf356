"""Priorities, turns by tenant, paused collections, batches, history, counted repairs, passages kept in SQL"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("SET lock_timeout = '10s'")
    _jobs()
    op.add_column("tenants", sa.Column("turn_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("collections", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
    _versions()
    op.add_column("chunks", sa.Column("vector", sa.LargeBinary(), nullable=True))
    op.create_table(
        "batches",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(["tenant", "collection"], ["collections.tenant", "collections.id"]),
        sa.PrimaryKeyConstraint("tenant", "id"),
    )
    op.create_table(
        "document_events",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "document", "version"],
            ["versions.tenant", "versions.document", "versions.version"],
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("document_events_document", "document_events", ["tenant", "document", "version", "id"])
    op.create_table(
        "repairs",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "store", "what"),
    )


def _jobs() -> None:
    op.add_column("jobs", sa.Column("collection", sa.Text(), server_default="", nullable=False))
    op.add_column("jobs", sa.Column("priority", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("jobs", sa.Column("size_bytes", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("jobs", sa.Column("passage", sa.Boolean(), server_default="false", nullable=False))
    op.execute("""
        UPDATE jobs j SET collection = d.collection FROM documents d WHERE d.tenant = j.tenant AND d.id = j.document
    """)
    op.execute("""
        UPDATE jobs j SET size_bytes = v.size_bytes FROM versions v
        WHERE v.tenant = j.tenant AND v.document = j.document AND v.version = j.version AND j.state <> 'done'
    """)
    op.drop_index("jobs_open", table_name="jobs")
    op.create_index(
        "jobs_turns",
        "jobs",
        ["kind", "tenant", "collection", "priority", "created_at", "id"],
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index("jobs_leased", "jobs", ["kind", "lease_until"], postgresql_where=sa.text("state = 'leased'"))
    op.create_index(
        "jobs_given_up", "jobs", ["tenant", "id"], postgresql_where=sa.text("state IN ('dead', 'cancelled')")
    )
    op.create_index("jobs_document", "jobs", ["tenant", "document"])


def _versions() -> None:
    op.add_column("versions", sa.Column("priority", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("versions", sa.Column("batch", sa.Text(), nullable=True))
    op.add_column("versions", sa.Column("chunks_done", sa.Integer(), nullable=True))
    op.add_column("versions", sa.Column("stage_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "versions_to_index", "versions", ["priority", "updated_at"], postgresql_where=sa.text("state = 'indexing'")
    )
    op.create_index("versions_batch", "versions", ["tenant", "batch"], postgresql_where=sa.text("batch IS NOT NULL"))
