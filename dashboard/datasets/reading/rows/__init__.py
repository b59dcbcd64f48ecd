"""The rows of a table, as they stand in the file, copied to Parquet."""
