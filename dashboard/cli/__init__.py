"""The command line: the page's server, and the same analysis without a browser."""
