"""`bisic` and `bisic-fast`."""
