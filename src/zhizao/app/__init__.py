"""Command line, HTTP API and pages: thin callers of the rooms below."""
