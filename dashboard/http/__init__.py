"""The plain HTTP routes beside the page, and who may use them."""
