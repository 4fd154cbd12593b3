"""What the engines of one virtual router say to each other by unicast, beside VRRP: who is Active, take over now.

Pure, as `vrrp/`: no socket, no clock, no randomness; the shell is `engine/peers.py`. VRRP alone decides who is Active
when nobody answers here: a neighbour that is no vipkeeper, or has no key, never notices any of this.

    keys.py      what signs and verifies
    envelope.py  the bytes around each message: who, to whom, how fresh
    session.py   against replays: one session for each peer
    messages.py  what is said
    book.py      what each peer has said last of each virtual router, and whom to ask for what
"""
