"""What seeklet's figures come from: one module a question, run as `python -m benchmarks.NAME` from the root.

`make bench` runs them; benchmarks/README.md lists them; benchmarks.record keeps what they find.
"""
