"""From the bytes of a file to text, or a sentence that says what the file is instead."""
