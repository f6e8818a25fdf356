"""Start the retrieval service: `python -m assay_retrieval.main`."""

from assay_runtime import log
from assay_runtime.http_shell import serve

from assay_retrieval.bootstrap import build_service
from assay_retrieval.settings import Settings


def main() -> None:
    settings = Settings()  # pyright: ignore[reportCallIssue] - required values come from the environment
    log.configure(settings.log, process="retrieval")
    serve(build_service(settings), settings.http)


if __name__ == "__main__":
    main()
