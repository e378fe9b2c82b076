"""Benchmarks: figures with a ratio in one run, never timed tests."""
