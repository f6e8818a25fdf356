"""Connectors: one place a file."""
