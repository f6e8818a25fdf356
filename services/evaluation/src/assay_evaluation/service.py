"""Put the HTTP service together: it reads and writes SQL only; the worker does the runs."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from assay_runtime.http_shell import build_app, caller_dependency
from assay_runtime.settings import read_secret
from assay_runtime.tokens import TokenVerifier
from assay_store.database import Database
from fastapi import FastAPI

from assay_evaluation.routes import build_routes
from assay_evaluation.settings import ServiceSettings


def build_service(settings: ServiceSettings) -> FastAPI:
    """The evaluation service."""
    database = Database(settings.database.url.get_secret_value(), pool_size=settings.database.pool_size)
    verify = TokenVerifier(
        read_secret(settings.secrets.token_public_key_file, name="ASSAY_SECRETS__TOKEN_PUBLIC_KEY_FILE")
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        yield
        database.dispose()

    app = build_app(title="Assay evaluation", checks={"database": database.check}, lifespan=lifespan)
    caller = caller_dependency(verify, default_deadline_s=10.0)
    app.include_router(build_routes(database=database, caller=caller, nightly_judge=settings.nightly.judge))
    return app
