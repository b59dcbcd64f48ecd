"""What the cells of a column stand for: numbers in many spellings, or no value."""
