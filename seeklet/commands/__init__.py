"""The commands of `seeklet`: a module for each, with its parser and its work."""
