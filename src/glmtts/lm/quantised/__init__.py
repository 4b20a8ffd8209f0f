"""The language model with weights of four or eight bits, for decoding on a CPU.

Decoding reads every weight for every token, so its time is bytes over bandwidth: fewer bits, more tokens. ONNX Runtime
multiplies the packed weights with activations of eight bits (its operator MatMulNBits); torch's own kernels for such
weights gain nothing without AVX-512.
"""
