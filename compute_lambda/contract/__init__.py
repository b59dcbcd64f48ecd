"""What both sides of the network agree on: the version, ids, fields of JSON, and errors."""
