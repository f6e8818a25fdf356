"""Start the generation service: `python -m assay_generation.main`."""

from assay_runtime import log
from assay_runtime.http_shell import serve

from assay_generation.bootstrap import build_service
from assay_generation.settings import Settings


def main() -> None:
    settings = Settings()  # pyright: ignore[reportCallIssue] - required values come from the environment
    log.configure(settings.log, process="generation")
    serve(build_service(settings), settings.http)


if __name__ == "__main__":
    main()
