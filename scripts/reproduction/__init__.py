"""Comparison with the paper's results: `python scripts/reproduce.py` writes RESULTS.md."""
