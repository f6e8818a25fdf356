"""Evaluation runs that can be taken up again: pinned cases, lease epochs, one run a night"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("SET lock_timeout = '10s'")
    op.add_column("evaluation_runs", sa.Column("night", sa.Date(), nullable=True))
    op.add_column("evaluation_runs", sa.Column("attempts", sa.Integer(), server_default="0", nullable=False))
    op.add_column("evaluation_runs", sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False))
    op.create_unique_constraint(
        "evaluation_runs_night", "evaluation_runs", ["tenant", "collection", "dataset", "night"]
    )
    op.create_index(
        "evaluation_runs_open",
        "evaluation_runs",
        ["started_at"],
        postgresql_where=sa.text("state IN ('waiting', 'running')"),
    )
    op.create_table(
        "evaluation_cases",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("scored_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "run"], ["evaluation_runs.tenant", "evaluation_runs.id"], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant", "run", "question"),
    )
    op.create_index("evaluation_cases_answer", "evaluation_cases", ["tenant", "answer"])
