"""Start the gateway: `python -m assay_gateway.main`."""

from assay_runtime import crash_tests, log
from assay_runtime.http_shell import serve

from assay_gateway.bootstrap import build_service
from assay_gateway.settings import Settings


def main() -> None:
    settings = Settings()  # pyright: ignore[reportCallIssue] - required values come from the environment
    log.configure(settings.log, process="gateway")
    crash_tests.arm(settings)
    serve(build_service(settings), settings.http)


if __name__ == "__main__":
    main()
