"""VRRP version 3 (RFC 9568) and 2 (RFC 3768): packets, timers and the state machine, and nothing of the world.

Pure: no socket, clock, randomness or log. Bytes and events come in, typed values and actions go out, and the time is
an argument. `packet` reads and writes the wire, `router` decides, `events` and `actions` are what passes between the
router and its shell (the engine), `units` is the one place where centiseconds become nanoseconds. `trailer` (HMAC) is
loaded by whoever has keys, and by nobody else here.
"""
