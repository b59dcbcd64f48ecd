"""Stored tables as a worker reads them: a few columns, verified, kept for the next task."""
