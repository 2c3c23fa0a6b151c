"""`rgbd`, for colour with depth."""
