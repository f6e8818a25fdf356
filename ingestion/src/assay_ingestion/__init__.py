"""The way of a document into the indexes, and out again. Start reading at `pipeline`."""
