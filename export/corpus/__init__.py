"""Reading a corpus file as documents."""
