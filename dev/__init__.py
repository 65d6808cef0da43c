"""Tools that the Makefile runs for developers: the service in the background, events through SAM, a smoke test."""
