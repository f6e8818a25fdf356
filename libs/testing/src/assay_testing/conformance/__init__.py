"""Conformance suites: one class per port, inherited by the tests of its fake and of every adapter.

A subclass named `Test…` overrides the fixture that the docstring of the suite names. Ids are random, so that
suites can share a server.
"""

import pytest

_SUITES = "blob_store chat_model embedder judge lexical_index parser reranker semantic_cache vector_index"

pytest.register_assert_rewrite(*(f"{__name__}.{suite}" for suite in _SUITES.split()))
