"""A search from end to end: timed, and within what remains of the request's time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from assay_core.errors import Exhausted
from assay_core.search import SearchRequest, SearchResult
from assay_runtime.metrics import step


async def whole_search(request: SearchRequest, search: Callable[[], Awaitable[SearchResult]]) -> SearchResult:
    """What `search` finds, with its time as step "search". Raises `Exhausted` if it takes longer than it may."""
    total: dict[str, float] = {}
    try:
        with step("search", total):
            async with asyncio.timeout(request.deadline_s):
                result = await search()
    except TimeoutError as error:
        raise Exhausted(f"The search did not end within its {request.deadline_s:.1f} s.", code="deadline") from error
    return replace(result, timings_ms={**result.timings_ms, **total})
