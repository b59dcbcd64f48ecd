"""The cloud on one machine, for development and tests: never part of what is deployed."""
