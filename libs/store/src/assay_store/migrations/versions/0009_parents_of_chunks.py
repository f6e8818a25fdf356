"""Passages that are read in place of the smaller ones within them"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("SET lock_timeout = '10s'")
    op.create_table(
        "version_parents",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("start_char", sa.Integer(), nullable=False),
        sa.Column("end_char", sa.Integer(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "document", "version", "ordinal"),
        sa.ForeignKeyConstraint(
            ["tenant", "document", "version"],
            ["versions.tenant", "versions.document", "versions.version"],
            ondelete="CASCADE",
        ),
    )
    op.add_column("version_chunks", sa.Column("parent", sa.Integer(), nullable=True))
