/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * From an skb to the place of a TCP payload. Headers are copied to the stack with bpf_skb_load_bytes, which reads
 * non-linear packets too and, unlike bpf_skb_pull_data, never changes them.
 */
#ifndef SHADOWTAP_PACKET_H
#define SHADOWTAP_PACKET_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "tap.h"

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10

#define IP_MORE_OR_OFFSET 0x3fff /* "more fragments" and the fragment offset, RFC 791 section 3.1 */
#define MAX_VLAN_TAGS 2
#define MAX_EXTENSION_HEADERS 6

struct packet {
	struct tap_address source;
	struct tap_address destination;
	__u16 sport; /* host byte order, as all numbers here */
	__u16 dport;
	__u32 seq;
	__u32 ack;
	__u32 flags;
	__u32 payload;  /* offset of the payload in the skb */
	__u32 len;      /* payload bytes in the skb */
	__u32 wire_len; /* payload bytes by the IP header */
};

enum parsed {
	PARSED,
	PARSED_OTHER,      /* not TCP over IP */
	PARSED_FRAGMENT,
	PARSED_UNREADABLE, /* headers that contradict each other or are cut */
};

/* Byte 13 of the TCP header: the bit fields of struct tcphdr depend on the byte order. */
static __always_inline __u32 tcp_flags(const struct tcphdr *tcp)
{
	return ((const __u8 *)tcp)[13];
}

/* `end` is where the IP packet ends in the skb by its own length field, which may be before (padding) or after (cut). */
static __always_inline enum parsed parse_tcp(struct __sk_buff *skb, const struct tcphdr *tcp, __u32 off, __u32 end,
					     struct packet *p)
{
	__u32 header = (((const __u8 *)tcp)[12] >> 4) * 4;
	__u32 skb_end = skb->len;

	p->payload = off + header;
	if (header < sizeof(*tcp) || p->payload > end)
		return PARSED_UNREADABLE;
	p->sport = bpf_ntohs(tcp->source);
	p->dport = bpf_ntohs(tcp->dest);
	p->seq = bpf_ntohl(tcp->seq);
	p->ack = bpf_ntohl(tcp->ack_seq);
	p->flags = tcp_flags(tcp);
	p->wire_len = end - p->payload;
	if (end > skb_end)
		end = skb_end;
	p->len = end > p->payload ? end - p->payload : 0;
	return PARSED;
}

static __always_inline void map_v4(struct tap_address *to, __be32 from)
{
	to->words[0] = 0;
	to->words[1] = 0;
	to->words[2] = bpf_htonl(0xffff);
	to->words[3] = from;
}

static __always_inline enum parsed parse_ipv4(struct __sk_buff *skb, __u32 off, struct packet *p)
{
	struct {
		struct iphdr ip;
		struct tcphdr tcp; /* in place if there are no IP options */
	} h;
	__u32 header, total;

	/* Shorter than this cannot be TCP. */
	if (bpf_skb_load_bytes(skb, off, &h, sizeof(h)))
		return PARSED_OTHER;
	if (h.ip.protocol != IPPROTO_TCP)
		return PARSED_OTHER;
	if (h.ip.frag_off & bpf_htons(IP_MORE_OR_OFFSET))
		return PARSED_FRAGMENT;
	header = h.ip.ihl * 4;
	if (header < sizeof(h.ip))
		return PARSED_UNREADABLE;
	if (header > sizeof(h.ip) && bpf_skb_load_bytes(skb, off + header, &h.tcp, sizeof(h.tcp)))
		return PARSED_UNREADABLE;
	map_v4(&p->source, h.ip.saddr);
	map_v4(&p->destination, h.ip.daddr);
	/* 0: BIG TCP, the packet is larger than the field can say. */
	total = bpf_ntohs(h.ip.tot_len);
	return parse_tcp(skb, &h.tcp, off + header, total ? off + total : skb->len, p);
}

/* Generic layout of an extension header, RFC 8200 section 4; the fragment header's second byte is reserved. */
struct extension {
	__u8 next;
	__u8 length;
};

static __always_inline enum parsed parse_ipv6(struct __sk_buff *skb, __u32 off, struct packet *p)
{
	struct {
		struct ipv6hdr ip;
		struct tcphdr tcp; /* in place if there are no extension headers */
	} h;
	struct extension ext;
	__u32 at = off + sizeof(h.ip), payload_len;
	__u8 next;

	if (bpf_skb_load_bytes(skb, off, &h, sizeof(h)))
		return PARSED_OTHER;
	next = h.ip.nexthdr;
	if (next != IPPROTO_TCP) {
#pragma unroll
		for (int i = 0; i < MAX_EXTENSION_HEADERS; i++) {
			if (next == IPPROTO_TCP)
				break;
			if (next == IPPROTO_FRAGMENT)
				return PARSED_FRAGMENT;
			if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS)
				return PARSED_OTHER;
			if (bpf_skb_load_bytes(skb, at, &ext, sizeof(ext)))
				return PARSED_UNREADABLE;
			next = ext.next;
			at += (ext.length + 1) * 8;
		}
		if (next != IPPROTO_TCP || bpf_skb_load_bytes(skb, at, &h.tcp, sizeof(h.tcp)))
			return PARSED_UNREADABLE;
	}
	__builtin_memcpy(&p->source, &h.ip.saddr, sizeof(p->source));
	__builtin_memcpy(&p->destination, &h.ip.daddr, sizeof(p->destination));
	/* 0: a jumbogram (RFC 2675), which is how BIG TCP is written. */
	payload_len = bpf_ntohs(h.ip.payload_len);
	return parse_tcp(skb, &h.tcp, at, payload_len ? off + sizeof(h.ip) + payload_len : skb->len, p);
}

/*
 * `off` is where the network header begins: 0 for cgroup_skb programs, after the Ethernet header for tc.
 * A function of its own, not inlined: all ways through the headers meet at its end, where the verifier forgets them. It
 * reads a sixth of the instructions that way, and an endpoint is attached in a quarter of the time.
 */
static __noinline enum parsed parse(struct __sk_buff *skb, __u32 off, struct packet *p)
{
	struct {
		__be16 tci;
		__be16 protocol;
	} tag;
	__be16 protocol = skb->protocol;

	/* Tags that are still in the frame; where the NIC or the kernel took them out, protocol is the inner one. */
	if (off) {
#pragma unroll
		for (int i = 0; i < MAX_VLAN_TAGS; i++) {
			if (protocol != bpf_htons(ETH_P_8021Q) && protocol != bpf_htons(ETH_P_8021AD))
				break;
			if (bpf_skb_load_bytes(skb, off, &tag, sizeof(tag)))
				return PARSED_OTHER;
			protocol = tag.protocol;
			off += sizeof(tag);
		}
	}
	if (protocol == bpf_htons(ETH_P_IP))
		return parse_ipv4(skb, off, p);
	if (protocol == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(skb, off, p);
	return PARSED_OTHER;
}

#endif
