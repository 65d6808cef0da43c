"""The benchmarks that make seeklet's figures: a module for each question, run as `python -m benchmarks.NAME`.

`make bench` runs them from the root. benchmarks/README.md lists them. benchmarks.record keeps their results.
"""
