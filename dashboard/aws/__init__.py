"""What speaks to AWS apart from running tasks: the stack, credentials, health, prices, datasets."""
