"""Frames of colour with depth to train on: their crops, their loss, and their `Kind`."""
