"""Benchmarks as ratios: `python -m bench` prints them, docs/performance.md says what they mean."""
