"""What training on stereo pairs takes: crops of pairs and photographs, drawn patterns."""
