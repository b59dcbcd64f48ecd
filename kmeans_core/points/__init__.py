"""The points that are clustered, as plain data: kinds of arrays, prepared tables, their order."""
