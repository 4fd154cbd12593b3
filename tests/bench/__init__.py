"""`make bench`: vipkeeper and keepalived side by side, seen from outside.

Packets are stamped by the kernel as they enter the bridge or the client; addresses are those of the kernel; CPU and
memory are those of /proc. Nothing that a program says of itself is believed.

    figures.py   numbers: spreads, gaps, the protocol's bound. Pure
    frames.py    bytes from the wire and from rtnetlink to records. Pure
    accounts.py  CPU and memory in /proc
    observer.py  sockets in the namespaces, one thread that reads them
    programs.py  the two programs behind one face, by themselves
    bench.py     a pair of hosts with one of the programs, and what every benchmark does with it
    members.py   the two programs as they run on plain hosts: peers and a key, checks, both families
    planned.py   a pair of such hosts, and a watch over their kernels
    pods.py      the real nginx sidecar on such hosts, and what takes the address away when it dies
    asker.py     a client that sends HTTP requests at a rate
    crash.py, kills.py, handover.py, blocked.py, requests_lost.py, nginx_death.py, many.py, load.py, junk.py: the benchmarks
    machine.py   what it ran on
    plots.py     figures as SVG. Pure
    page.py      the results as a page and on the terminal
"""
