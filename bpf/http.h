/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Does this payload look like the beginning of a request? Answers for several purposes. */
#ifndef SHADOWTAP_HTTP_H
#define SHADOWTAP_HTTP_H

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* Bytes that the questions need to see; shorter payloads are filled up with zeros. */
#define REQUEST_START 16

struct request_start {
	__u8 bytes[REQUEST_START];
};

/* Loads the first bytes of the payload, `len` of them at most. Returns whether it could. */
static __always_inline bool load_request_start(struct __sk_buff *skb, __u32 off, __u32 len, struct request_start *start)
{
	__builtin_memset(start, 0, sizeof(*start));
	if (len >= REQUEST_START)
		return bpf_skb_load_bytes(skb, off, start, REQUEST_START) == 0;
	/* The verifier wants to see the bounds in the register that it will pass on. */
	asm volatile("" : "+r"(len));
	len &= REQUEST_START - 1;
	return len > 0 && bpf_skb_load_bytes(skb, off, start, len) == 0;
}

static __always_inline bool is_upper(__u8 c)
{
	return c >= 'A' && c <= 'Z';
}

/* 0 stands for a byte that has not arrived yet. */
static __always_inline bool may_be_token(__u8 c)
{
	return c == 0 || is_upper(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == ' ';
}

/*
 * Liberal: could these first bytes of a connection be HTTP? A no is final, so it must be sure. Methods are upper-case
 * in practice, and an empty line may come first (RFC 9112 section 2.2). TLS begins with 0x16, most binary protocols
 * with a length, RESP with '*'.
 */
static __always_inline bool may_be_http(const struct request_start *s)
{
	if (s->bytes[0] == '\r' || s->bytes[0] == '\n')
		return true;
	return is_upper(s->bytes[0]) && may_be_token(s->bytes[1]) && may_be_token(s->bytes[2]);
}

static __always_inline __u32 word(const __u8 *b)
{
	return (__u32)b[0] << 24 | (__u32)b[1] << 16 | (__u32)b[2] << 8 | b[3];
}

#define WORD(s) ((__u32)(s)[0] << 24 | (__u32)(s)[1] << 16 | (__u32)(s)[2] << 8 | (__u32)(s)[3])

/* What a request target begins with: origin-form, asterisk-form or the scheme of absolute-form, RFC 9112 section 3.2. */
static __always_inline bool begins_target(__u8 c)
{
	return c == '/' || c == '*' || c == 'h' || c == 'H';
}

/* The preface of HTTP/2, RFC 9113 section 3.4. */
static __always_inline bool is_preface(const struct request_start *s)
{
	return word(s->bytes) == WORD("PRI ") && word(s->bytes + 4) == WORD("* HT") && word(s->bytes + 8) == WORD("TP/2");
}

/*
 * Strict: does a request begin here? Asked in the middle of a connection, where a yes by mistake would make a body
 * look like a request. CONNECT ends HTTP on its connection, so nothing begins with it.
 */
static __always_inline bool is_request_line(const struct request_start *s)
{
	const __u8 *b = s->bytes;

	switch (word(b)) {
	case WORD("GET "):
	case WORD("PUT "):
		return begins_target(b[4]);
	case WORD("POST"):
	case WORD("HEAD"):
		return b[4] == ' ' && begins_target(b[5]);
	case WORD("PATC"):
		return b[4] == 'H' && b[5] == ' ' && begins_target(b[6]);
	case WORD("DELE"):
		return b[4] == 'T' && b[5] == 'E' && b[6] == ' ' && begins_target(b[7]);
	case WORD("OPTI"):
		return word(b + 4) == WORD("ONS ") && begins_target(b[8]);
	case WORD("TRAC"):
		return b[4] == 'E' && b[5] == ' ' && begins_target(b[6]);
	}
	return false;
}

/* ---- HTTP/2, RFC 9113 sections 4.1 and 6; twin of src/tap/http2-frame.ts ------------------------------------------ */

#define FRAME_HEADER 9
#define MAX_FRAME 16384 /* what all but a few clients keep to */
#define MAX_SETTINGS (6 * 32)

enum frame_type { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE };

#define END_STREAM 0x01 /* ACK of SETTINGS and PING */
#define END_HEADERS 0x04
#define PADDED 0x08
#define PRIORITY_FLAG 0x20

/*
 * Does a frame of a client's begin here? A connection has no other landmarks, so this is where one is joined in its
 * middle. Flags, length and stream have to be what the type demands: of random bytes one in 13 million passes. A yes by
 * mistake costs nothing but copies, for the reader believes no frame before the server has answered it.
 */
static __always_inline bool is_frame_header(const struct request_start *s, __u32 len)
{
	const __u8 *b = s->bytes;
	__u32 length = word(b) >> 8, stream = word(b + 5);
	__u8 flags = b[4];

	if (len < FRAME_HEADER || length > MAX_FRAME || stream >> 31)
		return false;
	switch (b[3]) {
	case DATA:
		return stream & 1 && !(flags & ~(END_STREAM | PADDED)) && length >= (flags & PADDED ? 1 : 0);
	case HEADERS:
		return stream & 1 && !(flags & ~(END_STREAM | END_HEADERS | PADDED | PRIORITY_FLAG)) &&
		       length > (flags & PADDED ? 1 : 0) + (flags & PRIORITY_FLAG ? 5 : 0);
	case PRIORITY:
		return stream && !flags && length == 5;
	case RST_STREAM:
		return stream & 1 && !flags && length == 4;
	case SETTINGS:
		return !stream && (flags == END_STREAM ? !length : !flags && length % 6 == 0 && length <= MAX_SETTINGS);
	case PING:
		return !stream && !(flags & ~END_STREAM) && length == 8;
	case GOAWAY:
		return !stream && !flags && length >= 8;
	case WINDOW_UPDATE:
		return !flags && length == 4;
	}
	return false;
}

#endif
