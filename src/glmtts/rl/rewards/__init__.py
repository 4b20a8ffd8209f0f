"""Rewards: pronunciation, similarity, emotion, laughter, any scorer, and those of other packages."""
