"""Damaged and hostile files in endless variety: seeds of every format, mutated by chance that can be repeated."""
