from assay_core.principals import Principal
from assay_core.search import SearchRequest, SearchResult


class FakeRetriever:
    """Gives one result, or raises one error, for every search; `requests` records what was asked."""

    def __init__(self, result: SearchResult | Exception) -> None:
        self.result = result
        self.requests: list[tuple[Principal, SearchRequest]] = []

    async def search(self, principal: Principal, request: SearchRequest) -> SearchResult:
        self.requests.append((principal, request))
        if isinstance(self.result, Exception):
            raise self.result
        return self.result
