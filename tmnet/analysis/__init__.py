"""What runs tell: the axis they are compared on, metrics, alignment, statistics, findings."""
