"""`bisic-rt`, the fast default model."""
