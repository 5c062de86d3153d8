"""What a comparison shows, as statements: who leads, since when, at what cost, and how surely."""
