"""Endings of files of voices. Apart from what reads them, and without imports: the command line is quick to start."""

TRAINED_SUFFIX = ".glmvoice"
