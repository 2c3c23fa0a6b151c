"""Pictures in and out: 8-bit RGB, what Pillow opens and saves, and depth maps."""
