"""The truth: PostgreSQL tables, queries by noun, who may see what, and encryption of texts."""
