"""The `bisic` command."""
