"""Signatures of texts, by which near-duplicates are found"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("SET lock_timeout = '10s'")
    op.create_table(
        "document_signatures",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("bands", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "document", "version"),
        sa.ForeignKeyConstraint(
            ["tenant", "document", "version"],
            ["versions.tenant", "versions.document", "versions.version"],
            ondelete="CASCADE",
        ),
    )
    op.create_index("document_signatures_bands", "document_signatures", ["bands"], postgresql_using="gin")
