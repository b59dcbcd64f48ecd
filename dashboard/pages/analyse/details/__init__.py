"""Tabs below the results: the selected clustering, its groups, fits, correlations and tasks."""
