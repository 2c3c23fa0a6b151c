"""Training, from folders of pairs to a release."""
