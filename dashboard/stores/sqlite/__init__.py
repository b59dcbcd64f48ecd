"""Jobs in a SQLite file, for one machine."""
