"""The web UI: static files and the pages that they make up."""
