"""What agent and standalone mode have in common about an nginx that runs: its files, its reloads, what it refuses."""
