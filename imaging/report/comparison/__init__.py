"""Two visits of one person, and one side against the other."""
