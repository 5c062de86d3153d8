"""The `tmnet` command: a file for each of its commands."""
