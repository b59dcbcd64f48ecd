"""From a file that somebody has to a table of numbers, with advice on its columns."""
