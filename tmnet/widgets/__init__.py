"""What a notebook shows: the explorer, the network lab, the training panel, the write-up."""
