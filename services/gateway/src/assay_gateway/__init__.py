"""The public door: HTTP API, OpenAI-compatible API and web UI."""
