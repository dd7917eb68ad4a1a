// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * Copies the TCP segments of one endpoint's ports into a ring. Observes only: whatever happens, the packet goes on.
 *
 *	skb -> parse -> tapped port? -> direction -> mark of the flow? -> ring[hash] -> reserve -> copy -> submit
 *	                     no: done                 skip, clear or resync                no room: mark the flow shed
 *
 * Headers come from linux/ (uapi) alone, so the target needs no BTF. One instance is loaded for each endpoint.
 */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "http.h"
#include "maps.h"
#include "packet.h"
#include "reserve.h"
#include "tap.h"

/* Where a program hangs decides which side of a connection can be the tapped one. */
enum entry {
	ENTRY_INGRESS, /* into the endpoint: its port is the destination */
	ENTRY_EGRESS,  /* out of the endpoint: its port is the source */
	ENTRY_EITHER,  /* both kinds pass: loopback, or the host's end of a cable */
};

#define NOT_TAPPED 2

static __always_inline bool is_tapped_port(__u32 port)
{
	return tapped_ports[(port & 0xffff) >> 5] >> (port & 31) & 1;
}

static __always_inline bool is_tapped_address(const struct tap_address *a)
{
	if (config.address_count == 0)
		return true;
#pragma unroll
	for (__u32 i = 0; i < TAP_MAX_ADDRESSES; i++) {
		if (i >= config.address_count)
			break;
		if (a->words[0] == config.addresses[i].words[0] && a->words[1] == config.addresses[i].words[1] &&
		    a->words[2] == config.addresses[i].words[2] && a->words[3] == config.addresses[i].words[3])
			return true;
	}
	return false;
}

/* TO_SERVER, TO_CLIENT or NOT_TAPPED. If both ports are tapped, the smaller one is the server's. */
static __always_inline __u32 direction_of(const struct packet *p, enum entry entry)
{
	bool to = entry != ENTRY_EGRESS && is_tapped_port(p->dport);
	bool from = entry != ENTRY_INGRESS && is_tapped_port(p->sport);

	if (to && from) {
		to = p->dport <= p->sport;
		from = !to;
	}
	if (to && is_tapped_address(&p->destination))
		return TO_SERVER;
	if (from && is_tapped_address(&p->source))
		return TO_CLIENT;
	return NOT_TAPPED;
}

/* Finaliser of MurmurHash3: every input bit changes every output bit with probability 1/2. */
static __always_inline __u32 mix(__u32 h)
{
	h ^= h >> 16;
	h *= 0x85ebca6b;
	h ^= h >> 13;
	h *= 0xc2b2ae35;
	h ^= h >> 16;
	return h;
}

static __always_inline __u32 hash_end(const struct tap_address *a, __u16 port)
{
	__u32 h = a->words[0];

	h = h * 31 + a->words[1];
	h = h * 31 + a->words[2];
	h = h * 31 + a->words[3];
	return mix(h ^ (__u32)port << 16 ^ port);
}

/* The same for both directions: addition commutes. */
static __always_inline __u32 hash_flow(const struct packet *p)
{
	return mix(hash_end(&p->source, p->sport) + hash_end(&p->destination, p->dport));
}

static __always_inline void key_of(const struct packet *p, __u32 direction, struct flow_key *key)
{
	if (direction == TO_SERVER) {
		key->client = p->source;
		key->server = p->destination;
		key->ports = (__u32)p->sport << 16 | p->dport;
	} else {
		key->client = p->destination;
		key->server = p->source;
		key->ports = (__u32)p->dport << 16 | p->sport;
	}
	key->endpoint = config.endpoint;
}

static __always_inline bool set_mark(const struct flow_key *key, __u32 state, __u32 seq, struct tap_counters *c)
{
	struct flow_mark mark = { .state = state, .seq = seq };

	if (!bpf_map_update_elem(&marks, key, &mark, BPF_ANY))
		return true;
	c->unmarked++;
	return false;
}

/* Reserves room for up to `room` (a constant) bytes of payload, copies and submits. */
static __always_inline bool copy_into(struct __sk_buff *skb, void *ring, const struct tap_record *head, __u32 off,
				      __u32 len, const __u32 room)
{
	struct tap_record *record = bpf_ringbuf_reserve(ring, sizeof(*record) + room, 0);
	__u64 fill;

	if (!record)
		return false;
	*record = *head;
	if (room) {
		/* 1 to room, in the very register that the helper gets: this is what the verifier can follow. */
		asm volatile("" : "+r"(len));
		len -= 1;
		len &= room - 1;
		asm volatile("" : "+r"(len));
		len += 1;
		if (bpf_skb_load_bytes(skb, off, record + 1, len)) {
			bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
			return false;
		}
	}
	/* The reader polls by timer; only a ring that fills faster than that wakes it, once. */
	fill = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);
	if (fill >= config.wake_bytes && fill < config.wake_bytes + sizeof(*record) + room)
		bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
	else
		bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	return true;
}

/* The size of a reservation must be a constant: the smallest class that holds the payload. BIG TCP goes up to 512 KiB. */
static __always_inline bool copy(struct __sk_buff *skb, void *ring, const struct tap_record *head, __u32 off)
{
	__u32 len = head->len;

	if (len == 0)
		return copy_into(skb, ring, head, off, len, 0);
#define CLASS(room)                                                                                                    \
	if (len <= (room))                                                                                             \
		return copy_into(skb, ring, head, off, len, room);
	CLASS(256)
	CLASS(512)
	CLASS(1024)
	CLASS(2048)
	CLASS(4096)
	CLASS(8192)
	CLASS(16384)
	CLASS(32768)
	CLASS(65536)
	CLASS(131072)
	CLASS(262144)
	CLASS(524288)
#undef CLASS
	return false;
}

/* What becomes of a packet. 0: it is not copied. */
#define COPY 0x1
#define RESYNC 0x2 /* copying begins again with it */
#define HTTP2 0x4  /* its flow is HTTP/2 */
#define EARLY 0x8  /* what its flow is will be known at its first bytes */

/* What to do with a packet whose flow has a mark. May remove the mark, but not for RESYNC: the copy may yet fail. */
static __always_inline __u32 judge(struct __sk_buff *skb, const struct packet *p, __u32 direction, void *ring,
					  const struct flow_key *key, const struct flow_mark *mark,
					  struct tap_counters *c)
{
	struct request_start start;
	__u32 state = mark->state;

	if (state == FLOW_HTTP2) {
		if (p->flags & (FIN | RST))
			bpf_map_delete_elem(&marks, key);
		return COPY | HTTP2;
	}
	if (state == FLOW_NEW) {
		/* Only the very first byte tells; a later segment that overtook it does not. */
		if (direction != TO_SERVER || !p->len || p->seq != mark->seq)
			return COPY | EARLY;
		if (load_request_start(skb, p->payload, p->len, &start)) {
			if (is_preface(&start)) {
				set_mark(key, FLOW_HTTP2, 0, c);
				return COPY | HTTP2;
			}
			if (!may_be_http(&start)) {
				set_mark(key, FLOW_MUTED, 0, c);
				c->muted_flows++;
				c->not_http++;
				return 0;
			}
		}
		bpf_map_delete_elem(&marks, key);
		return COPY;
	}
	if (state == FLOW_MUTED) {
		c->not_http++;
		return 0;
	}
	if (direction == TO_SERVER && p->len && bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) < config.resync_bytes &&
	    load_request_start(skb, p->payload, p->len, &start)) {
		if (is_request_line(&start))
			return COPY | RESYNC;
		/* The flow may have been shed at its handshake. */
		if (is_preface(&start) || is_frame_header(&start, p->len))
			return COPY | RESYNC | HTTP2;
	}
	if (state == FLOW_AWAIT)
		c->awaiting++;
	else
		c->shed++;
	return 0;
}

static __always_inline void count_unparsed(enum parsed parsed)
{
	struct tap_counters *c;
	__u32 zero = 0;

	if (parsed == PARSED_OTHER)
		return;
	c = bpf_map_lookup_elem(&counters, &zero);
	if (!c)
		return;
	if (parsed == PARSED_FRAGMENT)
		c->fragments++;
	else
		c->unreadable++;
}

static __always_inline void tap(struct __sk_buff *skb, __u32 l3, enum entry entry)
{
	__u32 zero = 0, direction, hash, index, verdict = COPY;
	struct tap_record head;
	struct tap_counters *c;
	struct flow_mark *mark;
	struct flow_key key;
	struct packet p = {}; /* or clang reads fields before their test, which the verifier refuses */
	enum parsed parsed;
	void *ring;
	__u64 now;

	parsed = parse(skb, l3, &p);
	if (parsed != PARSED) {
		count_unparsed(parsed);
		return;
	}
	direction = direction_of(&p, entry);
	if (direction == NOT_TAPPED)
		return;
	c = bpf_map_lookup_elem(&counters, &zero);
	if (!c)
		return;

	c->seen++;
	if (!p.len && !(p.flags & (SYN | FIN | RST))) {
		c->acks++;
		return;
	}
	hash = hash_flow(&p);
	index = (__u64)hash * config.rings >> 32; /* an even share for any number of rings */
	ring = bpf_map_lookup_elem(&rings, &index);
	if (!ring)
		return;

	key_of(&p, direction, &key);
	if (p.flags & SYN && direction == TO_SERVER) {
		/*
		 * A new connection: whatever was known of these ports is void. Data in the SYN (TCP Fast Open, RFC 7413)
		 * would have to be judged at once and again when it is repeated: such flows are left to the reader.
		 */
		if (p.len)
			bpf_map_delete_elem(&marks, &key);
		else
			set_mark(&key, FLOW_NEW, p.seq + 1, c);
		verdict |= EARLY;
	} else {
		mark = bpf_map_lookup_elem(&marks, &key);
		if (mark) {
			verdict = judge(skb, &p, direction, ring, &key, mark, c);
			if (!verdict)
				return;
		}
	}

	now = bpf_ktime_get_ns();
	head.len = p.len;
	head.seq = p.seq;
	head.ack = p.ack;
	head.meta = p.flags | direction << META_DIRECTION_SHIFT | (verdict & RESYNC ? META_RESYNC : 0);
	head.endpoint = config.endpoint;
	head.hash = hash;
	head.ports = (__u32)p.sport << 16 | p.dport;
	head.wire_len = p.wire_len;
	head.time_lo = now;
	head.time_hi = now >> 32;
	head.source = p.source;
	head.destination = p.destination;

	if ((!(verdict & (HTTP2 | EARLY)) && is_reserved(ring, now)) || !copy(skb, ring, &head, p.payload)) {
		c->shed++;
		if (!(verdict & RESYNC)) {
			set_mark(&key, FLOW_SHED, 0, c);
			c->shed_flows++;
		}
		return;
	}
	if (verdict & RESYNC) {
		/* If it cannot be marked, it must not stay shed. */
		if (!(verdict & HTTP2) || !set_mark(&key, FLOW_HTTP2, 0, c))
			bpf_map_delete_elem(&marks, &key);
		c->resyncs++;
	}
	if (verdict & HTTP2)
		note_http2(now);
	c->copied++;
	c->bytes += p.len;
}

/* TC_ACT_UNSPEC (TCX_NEXT): whoever is attached beside us decides. */

SEC("tc")
int tap_tc_ingress(struct __sk_buff *skb)
{
	tap(skb, ETH_HLEN, ENTRY_INGRESS);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int tap_tc_egress(struct __sk_buff *skb)
{
	tap(skb, ETH_HLEN, ENTRY_EGRESS);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int tap_tc_either(struct __sk_buff *skb)
{
	tap(skb, ETH_HLEN, ENTRY_EITHER);
	return TC_ACT_UNSPEC;
}

/* 1: let it pass. The packet begins with its IP header here. */

SEC("cgroup_skb/ingress")
int tap_cgroup_ingress(struct __sk_buff *skb)
{
	tap(skb, 0, ENTRY_INGRESS);
	return 1;
}

SEC("cgroup_skb/egress")
int tap_cgroup_egress(struct __sk_buff *skb)
{
	tap(skb, 0, ENTRY_EGRESS);
	return 1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
