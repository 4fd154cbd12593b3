"""The `vipkeeper` command."""
