"""Parsers of untrusted bytes; `sandbox` is the only one that the platform calls."""
