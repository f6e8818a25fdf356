"""Runs that others are compared with, by name, and what was promoted"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute("SET lock_timeout = '10s'")
    op.create_table(
        "evaluation_baselines",
        *_texts("tenant", "collection", "name", "run", "set_by"),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "collection", "name"),
        sa.ForeignKeyConstraint(
            ["tenant", "run"], ["evaluation_runs.tenant", "evaluation_runs.id"], ondelete="CASCADE"
        ),
    )
    op.create_table(
        "promotions",
        *_texts("tenant", "id", "collection", "run"),
        sa.Column("baseline", sa.Text(), nullable=True),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("reasons", ARRAY(sa.Text()), nullable=False),
        sa.Column("override_reason", sa.Text(), nullable=True),
        *_texts("promoted_by"),
        sa.Column(
            "promoted_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        *(sa.Column(name, JSONB(), nullable=False) for name in ("before", "switched", "recorded")),
        sa.PrimaryKeyConstraint("tenant", "id"),
        sa.ForeignKeyConstraint(["tenant", "collection"], ["collections.tenant", "collections.id"]),
    )
    op.create_index("promotions_by_time", "promotions", ["tenant", "collection", "promoted_at"])


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]
