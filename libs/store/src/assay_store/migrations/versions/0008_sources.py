"""Sources that collections are kept in step with, their items and their runs"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"


def _time(name: str, *, nullable: bool = True, now: bool = False) -> sa.Column[object]:
    default = sa.func.now() if now else None
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, server_default=default)


def upgrade() -> None:
    op.execute("SET lock_timeout = '10s'")
    op.create_table(
        "sources",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("settings", sa.LargeBinary(), nullable=False),
        sa.Column("access", JSONB(), nullable=True),
        sa.Column("every_s", sa.Integer(), server_default="0", nullable=False),
        sa.Column("paused", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("cursor", sa.LargeBinary(), nullable=True),
        _time("next_run_at"),
        sa.Column("created_by", sa.Text(), nullable=False),
        _time("created_at", nullable=False, now=True),
        _time("updated_at", nullable=False, now=True),
        sa.PrimaryKeyConstraint("tenant", "id"),
        sa.UniqueConstraint("tenant", "name"),
        sa.ForeignKeyConstraint(["tenant", "collection"], ["collections.tenant", "collections.id"]),
    )
    op.create_index("sources_due", "sources", ["next_run_at"], postgresql_where=sa.text("every_s > 0 AND NOT paused"))
    op.create_table(
        "source_items",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key_digest", sa.LargeBinary(), nullable=False),
        sa.Column("document", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("etag", sa.LargeBinary(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("acl", sa.BigInteger(), nullable=True),
        sa.Column("seen_run", sa.Text(), nullable=False),
        sa.Column("gone", sa.Boolean(), server_default="false", nullable=False),
        sa.PrimaryKeyConstraint("tenant", "source", "key_digest"),
        sa.ForeignKeyConstraint(["tenant", "source"], ["sources.tenant", "sources.id"], ondelete="CASCADE"),
    )
    op.create_index("source_items_document", "source_items", ["tenant", "document"], unique=True)
    op.create_table(
        "source_runs",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("confirm_removals", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=True),
        *(
            sa.Column(name, sa.Integer(), server_default="0", nullable=False)
            for name in ("seen", "unchanged", "added", "changed", "removed", "failed", "left_out")
        ),
        sa.Column("cursor", sa.LargeBinary(), nullable=True),
        sa.Column("errors", sa.LargeBinary(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        _time("lease_until"),
        _time("not_before", nullable=False, now=True),
        _time("created_at", nullable=False, now=True),
        _time("started_at"),
        _time("finished_at"),
        sa.PrimaryKeyConstraint("tenant", "id"),
        sa.ForeignKeyConstraint(["tenant", "source"], ["sources.tenant", "sources.id"], ondelete="CASCADE"),
    )
    op.create_index(
        "source_runs_open",
        "source_runs",
        ["tenant", "source"],
        unique=True,
        postgresql_where=sa.text("state IN ('waiting', 'running')"),
    )
    op.create_index("source_runs_by_time", "source_runs", ["tenant", "source", "created_at"])
