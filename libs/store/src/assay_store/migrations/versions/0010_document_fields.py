"""Values of declared metadata fields, as digests, numbers and dates"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute("SET lock_timeout = '10s'")
    op.create_table(
        "document_fields",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("number", sa.Float(), nullable=True),
        sa.Column("day", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "document", "field", "item"),
        sa.ForeignKeyConstraint(["tenant", "document"], ["documents.tenant", "documents.id"], ondelete="CASCADE"),
    )
