"""What agent and standalone mode have in common: threads that may block, and the conversation with the engine."""
