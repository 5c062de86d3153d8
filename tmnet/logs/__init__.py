"""What trainings log: event files, the runs they belong to, their clocks, races and settings."""
