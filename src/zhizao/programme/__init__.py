"""The plan loop: measure, evaluate, adjust; indicators, returns, survey, editing, evaluation, warnings.

The arithmetic is pure: it takes definitions, NumPy arrays or Polars frames and returns the same. What is asked of every
enterprise stands in `items.yaml`, how enterprises are grouped in `classes.yaml`, what is made of it in
`indicators/plan2025.yaml`.
"""
