"""What is asked for, what that takes, and the tasks it comes to: pure but for one measurement."""
