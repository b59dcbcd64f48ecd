"""The settings on the left: data, model, effort, and what that will take."""
