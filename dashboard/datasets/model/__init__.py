"""What a dataset is: its columns, its limits, and what can be wrong with one."""
