/**
 * Names of the layers that can follow one another in a frame, in one number space: EtherTypes as they are
 * (0x0600 to 0xffff), IP protocol numbers above them, and a few that have no number of their own below.
 */

/** IPv4 or IPv6: the version nibble tells. */
export const LAYER_IP = 1;
export const LAYER_ETHERNET = 2;
/** IEEE 802.2 logical link control, with or without SNAP. */
export const LAYER_LLC = 3;
/** A PPP protocol field follows (RFC 1661 section 2), perhaps behind an HDLC address and control field (RFC 1662). */
export const LAYER_PPP = 4;
export const LAYER_80211 = 5;

export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_VLAN = 0x8100;
export const ETHERTYPE_TRANSPARENT_ETHERNET = 0x6558;
export const ETHERTYPE_IPV6 = 0x86dd;
export const ETHERTYPE_PPP = 0x880b;
export const ETHERTYPE_MPLS = 0x8847;
export const ETHERTYPE_MPLS_UPSTREAM = 0x8848;
export const ETHERTYPE_PPPOE_SESSION = 0x8864;
/** IEEE 802.1ad service tag; 0x9100 and 0x9200 are its predecessors. */
export const ETHERTYPE_QINQ = 0x88a8;
export const ETHERTYPE_QINQ_OLD = 0x9100;
export const ETHERTYPE_QINQ_OLDER = 0x9200;
export const ETHERTYPE_ERSPAN = 0x88be;
export const ETHERTYPE_ERSPAN3 = 0x22eb;

/** `IP_PROTOCOL + n` is IP protocol number n. */
export const IP_PROTOCOL = 0x10000;
export const IP_IPIP = IP_PROTOCOL + 4;
export const IP_TCP = IP_PROTOCOL + 6;
export const IP_UDP = IP_PROTOCOL + 17;
export const IP_IPV6 = IP_PROTOCOL + 41;
export const IP_GRE = IP_PROTOCOL + 47;
export const IP_ETHERIP = IP_PROTOCOL + 97;
export const IP_MPLS = IP_PROTOCOL + 137;
