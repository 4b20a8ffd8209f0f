"""Decoding without the host: fixed buffers, one step that also draws its token, and CUDA graphs of it."""
