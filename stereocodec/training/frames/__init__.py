"""What training on colour with depth takes."""
