"""The frame around the pages: top bar, links, manual, and the state of the backend."""
