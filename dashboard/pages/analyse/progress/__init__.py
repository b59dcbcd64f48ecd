"""The card that shows how far the job is, and what to do when it stops."""
