import pytest
from assay_cli.testing import Outcome, Run, run_assay
from assay_testing.fake_gateway import API_KEY, FakeGateway


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def run(gateway: FakeGateway) -> Run:
    """Run `assay` with these arguments against the fake gateway."""

    def call(*args: object, key: str = API_KEY, stdin: str = "") -> Outcome:
        return run_assay(args, handler=gateway.handle, key=key, stdin=stdin)

    return call
