"""The compiled form of the hot loops: C sources, how they are built, and their binding."""
