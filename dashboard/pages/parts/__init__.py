"""What several pages use: ids, cards, grids, icons, and what browser and server hand each other."""
