"""What it brought: production cycle, operating cost, defect rate and the ISO 22400-2 figures, as pure functions."""
