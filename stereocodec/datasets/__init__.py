"""Where data sets keep the pictures of pairs and of frames; for training and evaluation alike."""
