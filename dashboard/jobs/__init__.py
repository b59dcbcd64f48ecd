"""Jobs: what was asked for, the tasks it takes, what came of them, and who is working on them."""
