"""What a person sees in the browser: one folder for each page, a table that lists them."""
