/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
#ifndef SHADOWTAP_MAPS_H
#define SHADOWTAP_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "tap.h"

/* ---- one per loaded instance, that is per endpoint --------------------------------------------------------------- */

/*
 * Constants for the verifier, which removes the branches that this instance does not need. The endpoint's number and
 * filter are part of its program, so no packet pays for looking them up.
 */
const volatile struct tap_config config SEC(".rodata.config");

/*
 * The tapped ports, 8 KiB. A bitmap is half the price of a hash lookup, and most packets are turned away here. It has
 * a section of its own because userspace rewrites it while the program runs.
 */
__u32 tapped_ports[TAP_PORT_WORDS] SEC(".data.ports") = {};

/* ---- shared by all instances: made once, reused by file descriptor ----------------------------------------------- */

/* The kernel allows a record of at most a quarter of 4 GiB; the size here is only a template. */
struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
};

/* One ring for each worker. A connection's hash chooses it, so both directions meet in one ring. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct ring);
} rings SEC(".maps");

/*
 * Flows that are not copied, those of HTTP/2, and for the few packets between handshake and first data all others. LRU, so that a flood
 * of connections costs nothing but old marks: a flow that loses its mark is copied again from where it is, and the
 * reader sees a gap.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct flow_key);
	__type(value, struct flow_mark);
} marks SEC(".maps");

/*
 * When a packet of HTTP/2 was copied last, CLOCK_MONOTONIC in nanoseconds, give or take HTTP2_STEP_NS: only then is room
 * kept for more. Written so rarely that processors do not contend for it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} http2_seen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tap_counters);
} counters SEC(".maps");

#endif
