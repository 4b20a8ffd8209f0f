"""What ONNX Runtime runs, without PyTorch: sessions, the graph of the language model, its decoding with NumPy.

A low room: it knows sizes and arrays, and nothing of bundles or voices.
"""
