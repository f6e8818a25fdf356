"""Attacks on the running platform: what they do to it, and what they would do if nothing stopped them."""
