"""The explorer: step through a comparison of runs in a notebook."""
