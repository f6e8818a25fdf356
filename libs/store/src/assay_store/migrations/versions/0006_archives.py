"""Which archive a document came out of"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("SET lock_timeout = '10s'")
    op.add_column("documents", sa.Column("archive", sa.Text(), nullable=True))
    op.create_index(
        "documents_archive", "documents", ["tenant", "archive"], postgresql_where=sa.text("archive IS NOT NULL")
    )
