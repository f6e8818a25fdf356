"""The language of each version"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.execute("SET lock_timeout = '10s'")
    op.add_column("versions", sa.Column("language", sa.Text(), nullable=True))
