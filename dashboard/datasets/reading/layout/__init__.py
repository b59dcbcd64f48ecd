"""How a text table is laid out: delimiter, names, units, where its rows begin."""
