"""The paper's results and ours: `python scripts/reproduce.py` writes RESULTS.md."""
