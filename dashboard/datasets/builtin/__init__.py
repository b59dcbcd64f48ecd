"""The tables that come with the program, made by seeded code."""
