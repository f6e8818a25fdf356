"""The contracts between services: wire models, problem+json, server-sent events and HTTP clients."""
