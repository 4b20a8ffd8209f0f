"""Stages on other machines: a gRPC worker holds one stage, a client takes its place in the pipeline (report, 2.1)."""
