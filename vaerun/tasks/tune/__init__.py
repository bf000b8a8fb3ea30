"""Tuning a model's settings: what is searched, a study that several workers share, its report.

space      what keys may be, from YAML
objective  what is made of the metrics of a trial, and which way is better
engine     what Optuna does
study      Optuna's study in a folder: the next trial, those that dead workers left
trial      one setting, trained and measured in a run folder of its own
report     the table and the figures
"""
