"""Bring the schema up to date: `python -m assay_store.migrate` with ASSAY_DATABASE__URL in the environment."""

import os
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text


def upgrade(url: str) -> None:
    """Run all migrations that are missing; two runs at the same time wait for each other."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(hashtext('assay-migrations'))"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    finally:
        engine.dispose()


def main() -> None:
    upgrade(os.environ["ASSAY_DATABASE__URL"])


if __name__ == "__main__":
    main()
