"""Metrics, figures and the report of a trained model; nothing here trains."""
