"""A/B tests of live traffic, and the answers of each"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.execute("SET lock_timeout = '10s'")
    op.create_table(
        "ab_tests",
        *_texts("tenant", "id", "collection"),
        *(sa.Column(name, JSONB(), nullable=False) for name in ("plan", "control", "trial")),
        *_texts("state"),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("report", JSONB(), nullable=False),
        *_texts("started_by"),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("telling_failed", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id"),
        sa.ForeignKeyConstraint(["tenant", "collection"], ["collections.tenant", "collections.id"]),
    )
    running = sa.text("state = 'running'")
    op.create_index("ab_tests_running", "ab_tests", ["tenant", "collection"], unique=True, postgresql_where=running)
    op.create_index("ab_tests_by_time", "ab_tests", ["tenant", "collection", "started_at"])
    op.create_table(
        "ab_answers",
        *_texts("tenant", "test", "answer", "arm"),
        sa.Column(
            "arrived_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("scored_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("scores", JSONB(), nullable=True),
        sa.Column("failed", sa.Boolean(), server_default="false", nullable=False),
        sa.PrimaryKeyConstraint("tenant", "test", "answer"),
        sa.ForeignKeyConstraint(["tenant", "test"], ["ab_tests.tenant", "ab_tests.id"], ondelete="CASCADE"),
    )
    op.create_index(
        "ab_answers_unscored",
        "ab_answers",
        ["tenant", "test", "arrived_at"],
        postgresql_where=sa.text("scored_at IS NULL"),
    )


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]
