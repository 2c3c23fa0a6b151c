"""What `bisic eval` compares: built-in codecs, releases, command templates, video codecs, those of CompressAI."""
