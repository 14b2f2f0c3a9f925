"""What a rule reports, and how it is identified."""
