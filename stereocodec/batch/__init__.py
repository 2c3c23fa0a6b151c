"""Many pairs at once: what is to be done, done in several processes, and a list of what became of it."""
