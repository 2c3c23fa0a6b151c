"""`ecsic`."""
