"""The code that makes the book: it executes, records and shows the snippets."""
