// SPDX-License-Identifier: Apache-2.0
/*
 * impair A B LOSS REORDER DUPLICATE SEED
 *
 * Forwards Ethernet frames between two interfaces of this namespace and does to TCP packets what a bad path does: it
 * loses them, holds some back until later ones have passed, sends some twice. Shares are 0 to 1. For kernels without
 * netem. Writes "ready" when frames pass, and its counts as JSON when it is ended by SIGTERM.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

#define MAX_FRAME 65600
/* A frame that is held back goes after this many later ones, or when the path has been quiet for a while. */
#define HELD_FRAMES 3
#define HELD_MS 5

struct held {
	size_t length; /* 0: none is held */
	int passed;
	unsigned char frame[MAX_FRAME];
};

static struct held held[2]; /* by the side it came from */
static int sockets[2];
static unsigned long forwarded, lost, reordered, duplicated;
static uint64_t random_state;
static volatile sig_atomic_t ended;

static void end(int signal)
{
	(void)signal;
	ended = 1;
}

/* xorshift64*: the same seed makes the same decisions. */
static double random_share(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (double)((random_state * 2685821657736338717ULL) >> 11) / 9007199254740992.0;
}

static int open_interface(const char *name)
{
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	int on = 1, buffer = 16 << 20;
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(name),
	};

	if (fd < 0 || address.sll_ifindex == 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		fprintf(stderr, "%s: %s\n", name, strerror(errno));
		exit(1);
	}
	return fd;
}

static int is_tcp(const unsigned char *frame, size_t length)
{
	if (length >= 34 && frame[12] == 0x08 && frame[13] == 0x00)
		return frame[23] == 6;
	if (length >= 54 && frame[12] == 0x86 && frame[13] == 0xdd)
		return frame[20] == 6;
	return 0;
}

static void pass_on(int from, const unsigned char *frame, size_t length)
{
	while (send(sockets[!from], frame, length, 0) < 0) {
		if (errno == EINTR && !ended)
			continue;
		/* The other end is down or full: a real path would lose it, too. */
		lost++;
		return;
	}
	forwarded++;
}

static void release(int from)
{
	if (held[from].length == 0)
		return;
	pass_on(from, held[from].frame, held[from].length);
	held[from].length = 0;
}

static void handle(int from, const unsigned char *frame, size_t length, double loss, double reorder, double duplicate)
{
	if (!is_tcp(frame, length)) {
		pass_on(from, frame, length);
		return;
	}
	if (random_share() < loss) {
		lost++;
		return;
	}
	if (held[from].length == 0 && random_share() < reorder) {
		memcpy(held[from].frame, frame, length);
		held[from].length = length;
		held[from].passed = 0;
		reordered++;
		return;
	}
	pass_on(from, frame, length);
	if (random_share() < duplicate) {
		pass_on(from, frame, length);
		duplicated++;
	}
	if (held[from].length > 0 && ++held[from].passed >= HELD_FRAMES)
		release(from);
}

int main(int argc, char **argv)
{
	static unsigned char frame[MAX_FRAME];
	struct sigaction action = {.sa_handler = end};
	double loss, reorder, duplicate;

	if (argc != 7) {
		fprintf(stderr, "usage: impair A B LOSS REORDER DUPLICATE SEED\n");
		return 2;
	}
	loss = atof(argv[3]);
	reorder = atof(argv[4]);
	duplicate = atof(argv[5]);
	random_state = strtoull(argv[6], NULL, 10) * 0x9e3779b97f4a7c15ULL + 1;
	sockets[0] = open_interface(argv[1]);
	sockets[1] = open_interface(argv[2]);
	sigaction(SIGTERM, &action, NULL);
	puts("ready");
	fflush(stdout);

	while (!ended) {
		struct pollfd ready[2] = {{.fd = sockets[0], .events = POLLIN}, {.fd = sockets[1], .events = POLLIN}};
		int waiting = held[0].length > 0 || held[1].length > 0;

		if (poll(ready, 2, waiting ? HELD_MS : -1) == 0) {
			release(0);
			release(1);
		}
		for (int from = 0; from < 2; from++) {
			ssize_t length;

			if (!(ready[from].revents & POLLIN))
				continue;
			/* A burst at a time from each side, so that neither starves the other. */
			for (int burst = 0; burst < 64; burst++) {
				length = recv(sockets[from], frame, sizeof(frame), MSG_DONTWAIT);
				if (length <= 0)
					break;
				handle(from, frame, (size_t)length, loss, reorder, duplicate);
			}
		}
	}
	printf("{\"forwarded\":%lu,\"lost\":%lu,\"reordered\":%lu,\"duplicated\":%lu}\n", forwarded, lost, reordered, duplicated);
	return 0;
}
