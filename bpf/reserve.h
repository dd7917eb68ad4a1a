/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * The last part of each ring is kept for HTTP/2, where there is any. A flow of HTTP/2 that is shed loses its header table,
 * and may never be readable again; one of HTTP/1.x loses some requests. So the latter give way first.
 */
#ifndef SHADOWTAP_RESERVE_H
#define SHADOWTAP_RESERVE_H

#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "maps.h"

/* Room is kept for so long after a packet of HTTP/2, and its time is noted with this accuracy. */
#define HTTP2_RECENT_NS 60000000000ull
#define HTTP2_STEP_NS 1000000000ull

/* Whether what is left of a ring is for HTTP/2 alone. */
static __always_inline bool is_reserved(void *ring, __u64 now)
{
	__u32 zero = 0;
	__u64 *seen;

	if (bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) < config.reserve_bytes)
		return false;
	seen = bpf_map_lookup_elem(&http2_seen, &zero);
	return seen && *seen && now - *seen < HTTP2_RECENT_NS;
}

/* A packet of HTTP/2 was copied. */
static __always_inline void note_http2(__u64 now)
{
	__u32 zero = 0;
	__u64 *seen = bpf_map_lookup_elem(&http2_seen, &zero);

	if (seen && now - *seen > HTTP2_STEP_NS)
		*seen = now;
}

#endif
