"""What a person sees: pages, figures, datasets, jobs, and where the work is sent."""
