"""zhizao: from a factory's records to a proven improvement."""

__version__ = "0.1.0"
