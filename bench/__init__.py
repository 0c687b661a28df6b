"""Benchmarks as ratios: `python -m bench`; docs/internals/performance.md says what they mean."""
