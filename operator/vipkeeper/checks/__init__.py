"""HTTP and TCP checks of what serves on a virtual address: one thread, no waiting. Agent and standalone mode run it."""
