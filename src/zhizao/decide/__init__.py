"""What to do next: pure functions of typed values, arrays and frames."""
