"""One module per stage that writes its files; names and words are those of the table of outputs."""
