"""Scores answers and retrieval: golden sets and yesterday's answers, with the configuration that produced them."""
