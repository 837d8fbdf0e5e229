"""The plant as a model that runs: discovered from records, calibrated, simulated, compared with reality."""
