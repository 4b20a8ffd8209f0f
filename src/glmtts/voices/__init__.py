"""Trained voices (the report's premium voices): adapters of one speaker at a stated share of the backbone (2.5).

The way from a folder of recordings to a `.glmvoice`: recordings, takes, checks, dataset, training, file. How a trained
voice is spoken with is in `glmtts.adapters` and `glmtts.synthesis.trained_voice`.
"""
