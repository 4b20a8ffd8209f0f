"""What counts as a recording; apart from the readers, which need torch, so that workers without it start quickly."""

LOWEST_RATE, HIGHEST_RATE = 4000, 384_000  # Hz; telephones have 8000. At 1 Hz, resampling multiplies by 24,000
LOUDEST = 100.0  # peaks of float files reach 2 or 3; beyond 1e18 squares overflow, and a mel has no finite values
