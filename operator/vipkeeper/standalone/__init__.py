"""`vipkeeper run`: the same engine and the same checks on a plain host, from files."""
