"""What schedules set going: each run is claimed for its day, done once, and recorded with what it came to."""
