"""The documents and the code, compared: what a page shows is what the program does."""
