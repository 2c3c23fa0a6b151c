"""Where data sets keep the pictures of pairs and of frames, and how they are read: by training and evaluation alike."""
