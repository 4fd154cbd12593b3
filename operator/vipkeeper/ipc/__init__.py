"""What the processes say to each other: typed values and their JSON, nothing else. No IO here."""
