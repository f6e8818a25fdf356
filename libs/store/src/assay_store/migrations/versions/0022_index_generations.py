"""Generations of a collection's vector index"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.execute("SET lock_timeout = '10s'")
    op.create_table(
        "index_generations",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("index_kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=True),
        sa.Column("kept_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("comparison", JSONB(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("tenant", "collection", "number"),
        sa.ForeignKeyConstraint(["tenant", "collection"], ["collections.tenant", "collections.id"]),
    )
    op.create_index(
        "index_generations_beside",
        "index_generations",
        ["tenant", "collection"],
        unique=True,
        postgresql_where=sa.text("state IN ('building', 'ready', 'kept', 'leaving')"),
    )
