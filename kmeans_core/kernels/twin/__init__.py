"""The kernel in NumPy: readable, there on every machine, and the oracle in the tests."""
