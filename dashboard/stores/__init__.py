"""Where jobs and outcomes are kept: one interface, two stores."""
