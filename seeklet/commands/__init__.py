"""The commands of `seeklet`, one module each: its parser and what it does."""
