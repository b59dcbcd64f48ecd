"""The compiled kernel: how it is built, loaded and called. Its C sources are in `src`."""
