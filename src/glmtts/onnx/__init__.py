"""A bundle exported to ONNX: every stage as a graph, and speech from them with NumPy alone, without PyTorch.

The text front end, decoding, the judge and the choice among candidates are those of the rest of the package.
"""
