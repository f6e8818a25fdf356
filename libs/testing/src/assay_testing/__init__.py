"""Fakes and conformance suites for the ports, and a sample corpus with known answers."""
