"""What the workflow runs and writes: sessions, their inspection, the plan of files."""
