/* Preloaded into keepalived: the kernel's process connector (NETLINK_CONNECTOR) exists in the first network namespace
 * only. There its socket is opened, as on a host of its own; all others are opened where it runs. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>

int socket(int domain, int type, int protocol) {
    int (*open_socket)(int, int, int) = (int (*)(int, int, int))dlsym(RTLD_NEXT, "socket");
    if (domain != AF_NETLINK || protocol != NETLINK_CONNECTOR)
        return open_socket(domain, type, protocol);
    int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    int first = open(getenv("FIRST_NETWORK_NAMESPACE"), O_RDONLY | O_CLOEXEC);
    setns(first, CLONE_NEWNET);
    int made = open_socket(domain, type, protocol);
    setns(here, CLONE_NEWNET);
    close(first);
    close(here);
    return made;
}
