"""A plant to connect to: a simulated workshop with real protocol end points."""
