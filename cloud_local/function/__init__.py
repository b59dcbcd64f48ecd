"""A Lambda function on this machine: execution environments, and the API of their runtime."""
