"""Stereo pairs to train on: crops of pairs and photographs, drawn patterns, their loss, and their `Kind`."""
