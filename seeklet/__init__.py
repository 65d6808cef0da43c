"""The face of seeklet: what a program imports."""
