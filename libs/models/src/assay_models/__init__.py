"""Weights that Assay trained itself: safetensors, card, hashes of the data, calibration. No code."""
