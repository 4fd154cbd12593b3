"""What users and agents write to the API server, as types: parsed once, trusted afterwards. Pure."""
