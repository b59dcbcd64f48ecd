"""What the benchmarks stand on: tables, references, pages and facts of the machine."""
