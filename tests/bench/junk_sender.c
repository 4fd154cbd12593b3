/* junk_sender INTERFACE FRAME_AS_HEX SECONDS RATE: sends one frame again and again and prints how often it did.
 * RATE is frames a second; 0: as fast as it goes. With a rate it takes real-time priority where it may: a sender is
 * another machine, and must not starve because those it floods are busy. Compiled by junk.py when it is needed. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 32

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    unsigned char frame[256];
    struct sockaddr_ll to = {.sll_family = AF_PACKET};
    struct iovec part = {.iov_base = frame};
    struct mmsghdr batch[BATCH];
    double seconds, rate, begin;
    long count = 0;
    int one = 1, out;

    if (argc != 5 || strlen(argv[2]) / 2 > sizeof frame)
        return 2;
    for (part.iov_len = 0; argv[2][2 * part.iov_len]; part.iov_len++)
        if (sscanf(argv[2] + 2 * part.iov_len, "%2hhx", frame + part.iov_len) != 1)
            return 2;
    seconds = atof(argv[3]);
    rate = atof(argv[4]);
    to.sll_ifindex = if_nametoindex(argv[1]);
    out = socket(AF_PACKET, SOCK_RAW, 0);
    if (out < 0 || bind(out, (struct sockaddr *)&to, sizeof to) < 0) {
        perror("junk_sender");
        return 1;
    }
    if (rate > 0)
        sched_setscheduler(0, SCHED_RR, &(struct sched_param){.sched_priority = 60});
    setsockopt(out, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
    memset(batch, 0, sizeof batch);
    for (int i = 0; i < BATCH; i++) {
        batch[i].msg_hdr.msg_iov = &part;
        batch[i].msg_hdr.msg_iovlen = 1;
    }
    for (begin = now(); now() - begin < seconds;) {
        if (rate > 0 && count > (now() - begin) * rate) {
            nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
            continue;
        }
        int sent = sendmmsg(out, batch, BATCH, 0);
        if (sent > 0)
            count += sent;
    }
    printf("%ld\n", count);
    return 0;
}
