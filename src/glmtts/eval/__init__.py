"""Evaluation: protocols, scorers and reports."""
