"""Evaluation: protocols, systems under test, scorers, error rates, reports, comparisons and listening tests.

A run is lists × systems × stages. Each stage works on chunks of a list; a finished chunk is one file, so that a run
that was killed goes on where it was (`work.py`). Reports are computed from these files alone (`results.py`).
"""
