"""The one way to what a URL names: nothing else in Assay fetches what a user pointed at."""
