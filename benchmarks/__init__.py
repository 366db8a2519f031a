"""Accuracy and cost, measured by commands that stay; ``python -m benchmarks`` prints the tables."""
