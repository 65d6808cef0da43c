"""Long proofs of what seeklet promises under damage, hostile requests and kills. `make soak` runs them; tests run a small share.

They are no benchmarks: what counts is what was refused and what was served, and no time is compared but with its bound.
"""
