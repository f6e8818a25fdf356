"""A number that grows when what documents can be chosen by changes"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.execute("SET lock_timeout = '10s'")
    op.add_column("collections", sa.Column("filings", sa.BigInteger(), server_default="0", nullable=False))
