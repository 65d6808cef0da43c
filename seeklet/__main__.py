"""`python -m seeklet`: the command `seeklet`, for use where its script isn't on the path."""

from seeklet.cli import entry

if __name__ == "__main__":
    entry()
