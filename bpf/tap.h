/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * What the kernel side and the TypeScript side agree on.
 * Twins: src/tap/ring/abi.ts (struct tap_record) and src/tap/ebpf/abi.ts (the rest); a test compares them.
 * Every struct consists of naturally aligned words without padding.
 */
#ifndef SHADOWTAP_TAP_H
#define SHADOWTAP_TAP_H

#include <linux/types.h>

/* ---- records: what a ring carries ------------------------------------------------------------------------------ */

/* An address: the 16 bytes of an IPv6 address in memory order; IPv4 is v4-mapped (::ffff:a.b.c.d). */
struct tap_address {
	__u32 words[4];
};

/* One TCP segment. The payload follows, `len` bytes; the space reserved in the ring may be larger. */
struct tap_record {
	__u32 len;
	__u32 seq;
	__u32 ack;
	__u32 meta; /* TCP flags in bits 0-7, direction in bits 8-9, META_RESYNC */
	__u32 endpoint;
	__u32 hash;
	__u32 ports;    /* source << 16 | destination, host byte order */
	__u32 wire_len; /* payload bytes by the IP header; more than `len` if the packet was cut */
	__u32 time_lo;  /* CLOCK_MONOTONIC, nanoseconds */
	__u32 time_hi;
	struct tap_address source;
	struct tap_address destination;
};

#define TO_SERVER 0
#define TO_CLIENT 1
#define META_DIRECTION_SHIFT 8
/* Copying of this flow had stopped; it starts again with this record, which begins like a request or a frame of HTTP/2. */
#define META_RESYNC (1u << 16)

/* ---- config: constants of one loaded instance, written before it is loaded -------------------------------------- */

#define TAP_MAX_ADDRESSES 8

struct tap_config {
	__u32 endpoint;
	__u32 rings;         /* how many there are */
	__u32 wake_bytes;    /* wake the reader when a ring's fill crosses this upwards */
	__u32 resync_bytes;  /* a shed flow may come back while a ring holds less than this */
	__u32 reserve_bytes; /* a ring that holds more takes HTTP/2 alone, if there is any */
	__u32 address_count; /* 0: any server address */
	struct tap_address addresses[TAP_MAX_ADDRESSES];
};

/* A port is tapped if its bit is set: word port / 32, bit port % 32. */
#define TAP_PORT_WORDS (65536 / 32)

/* ---- flow marks: connections that are not simply copied ---------------------------------------------------------- */

struct flow_key {
	struct tap_address client;
	struct tap_address server;
	__u32 ports; /* client << 16 | server, host byte order */
	__u32 endpoint;
};

enum flow_state {
	/* The handshake was seen; the client's first bytes (sequence number `seq`) decide whether it is HTTP. */
	FLOW_NEW = 1,
	/*
	 * A record did not fit into its ring: nothing is copied until the client begins a request, or a frame of HTTP/2,
	 * and the ring has room.
	 */
	FLOW_SHED = 2,
	/* Set by a worker: as FLOW_SHED, for reasons of its own. */
	FLOW_AWAIT = 3,
	/* Not HTTP: nothing is copied until the next handshake. */
	FLOW_MUTED = 4,
	/* Copied, and shed last: the connection began with the preface of HTTP/2, or was taken up at a frame of it. */
	FLOW_HTTP2 = 5,
};

struct flow_mark {
	__u32 state;
	__u32 seq; /* of FLOW_NEW only */
};

/* ---- counters, per CPU ------------------------------------------------------------------------------------------- */

/*
 * Packets of tapped ports: seen = copied + acks + shed + not_http + awaiting.
 * fragments and unreadable are packets of which the ports are not known.
 */
struct tap_counters {
	__u64 seen;
	__u64 copied;
	__u64 bytes;      /* payload bytes of the copied ones */
	__u64 acks;       /* without payload, SYN, FIN or RST: nobody needs them */
	__u64 shed;       /* of a flow in FLOW_SHED, or turned away by a full ring */
	__u64 shed_flows; /* times a flow went to FLOW_SHED */
	__u64 not_http;   /* of a flow in FLOW_MUTED */
	__u64 awaiting;   /* of a flow in FLOW_AWAIT */
	__u64 resyncs;    /* times a flow came back */
	__u64 muted_flows; /* flows that the first bytes showed not to be HTTP */
	__u64 fragments;  /* IP fragments of TCP: not reassembled */
	__u64 unreadable; /* headers or payload could not be read */
	__u64 unmarked;   /* a mark was needed and the kernel had no memory for it: that flow has a hole */
};

#endif
