"""What each night of evaluation found"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.execute("SET lock_timeout = '10s'")
    op.create_table(
        "evaluation_nights",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("caught_up", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("alarms", sa.Integer(), server_default="0", nullable=False),
        sa.Column("report", JSONB(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("telling_failed", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "collection", "night"),
        sa.ForeignKeyConstraint(["tenant", "collection"], ["collections.tenant", "collections.id"]),
    )
    op.create_index(
        "evaluation_nights_open", "evaluation_nights", ["due_at"], postgresql_where=sa.text("closed_at IS NULL")
    )
    op.create_index(
        "evaluation_nights_untold",
        "evaluation_nights",
        ["closed_at"],
        postgresql_where=sa.text("alarms > 0 AND told_at IS NULL"),
    )
