"""One muscle in several contexts of a session: rest, contracted, after fatigue."""
