"""Fakes, a sample plant with known truth, and shared checks that users may use too."""
