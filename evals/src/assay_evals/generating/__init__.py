"""Golden sets made from a collection: templates or a language model, then filters. Start reading at `generate`."""
