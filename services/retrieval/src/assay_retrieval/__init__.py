"""Retrieval: hybrid search, reranking and the semantic cache."""
