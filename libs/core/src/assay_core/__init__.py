"""The language of Assay: domain types, ports and errors. Standard library only, no I/O."""
