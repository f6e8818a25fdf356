"""Start the evaluation service: `python -m assay_evaluation.main`."""

from assay_runtime import log
from assay_runtime.http_shell import serve

from assay_evaluation.service import build_service
from assay_evaluation.settings import ServiceSettings


def main() -> None:
    settings = ServiceSettings()  # pyright: ignore[reportCallIssue] - required values come from the environment
    log.configure(settings.log, process="evaluation")
    serve(build_service(settings), settings.http)


if __name__ == "__main__":
    main()
