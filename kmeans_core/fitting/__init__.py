"""From a table to the best fits: preparing, seeding, iterating, choosing, going on later."""
