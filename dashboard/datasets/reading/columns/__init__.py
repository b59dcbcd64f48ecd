"""Which columns are measurements: facts of each, its name, and what follows from both."""
