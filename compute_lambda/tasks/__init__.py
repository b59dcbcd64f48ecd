"""Task kinds: small, content-addressed, self-contained pieces of work, one folder for each kind."""
