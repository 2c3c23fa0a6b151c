"""Release folders: where they are found, what they hold, the Hub, and weights of published codecs."""
