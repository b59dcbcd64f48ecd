"""The curves, the recommendation and the six scatterplots."""
