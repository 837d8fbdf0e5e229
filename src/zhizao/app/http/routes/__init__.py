"""REST routes, one module an area."""
