"""Killing Assay's processes and servers, and checking what is left: see `assay_testing.crash.oracle`.

Run it with `python -m assay_testing.crash --help`. Needs the extra `crash`.
"""
