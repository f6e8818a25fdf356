"""Metrics, statistics, data sets and reports that answers and retrieval are measured with."""
