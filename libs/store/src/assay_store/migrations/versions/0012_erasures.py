"""Receipts of erasures, and legal holds"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("SET lock_timeout = '10s'")
    op.add_column("tombstones", sa.Column("id", sa.Text(), nullable=True))
    for column in ("requested_by", "key_head"):
        op.add_column("tombstones", sa.Column(column, sa.Text(), nullable=True))
    for column in ("key_destroyed_at", "complete_at", "proven_at"):
        op.add_column("tombstones", sa.Column(column, sa.DateTime(timezone=True), nullable=True))
    op.add_column("tombstones", sa.Column("counts", JSONB(), nullable=False, server_default="{}"))
    for column in ("chunk_marks", "vector_marks"):
        op.add_column("tombstones", sa.Column(column, sa.LargeBinary(), nullable=False, server_default=""))
    # The jobs of deletions that are done may be gone; what is deleted lost its key in the step before at the latest.
    op.execute("""
        UPDATE tombstones s SET key_destroyed_at = coalesce(s.erased_at, now()), id = coalesce(
            (SELECT j.id FROM jobs j WHERE j.tenant = s.tenant AND j.document = s.document AND j.kind = 'delete'
             ORDER BY j.created_at LIMIT 1),
            replace(gen_random_uuid()::text, '-', ''))
    """)
    op.alter_column("tombstones", "id", nullable=False)
    op.create_unique_constraint("tombstones_erasure", "tombstones", ["tenant", "id"])
    op.create_index("tombstones_open", "tombstones", ["erased_at"], postgresql_where=sa.text("complete_at IS NULL"))
    op.create_index("tombstones_by_time", "tombstones", ["tenant", "deleted_at", "id"])
    op.create_table(
        "legal_holds",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("placed_by", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant", "document"], ["documents.tenant", "documents.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant", "document"),
    )
    op.create_table(
        "scan_controls",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
