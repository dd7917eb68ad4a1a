/**
 * Shapes of names, as Kubernetes and HTTP define them. Kubernetes compiles them with RE2, we with JavaScript's own
 * expressions: they are written in what both read alike (no look-around, no `\u`).
 */

/** RFC 1123 subdomain: names of objects. */
export const OBJECT_NAME = '^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$';
/** RFC 1123 label: names of namespaces. */
export const NAMESPACE_NAME = '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$';
/** RFC 1035 label: names of Services. */
export const SERVICE_NAME = '^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$';
/** IANA service name (RFC 6335): names of container ports. One letter at least, and single hyphens within. */
export const PORT_NAME = '^(?:[0-9]+-)*[0-9]*[a-z][a-z0-9]*(?:-[a-z0-9]+)*$';
export const MAX_PORT_NAME = 15;
/** Label keys: an optional DNS prefix, then a name of at most 63 characters. */
export const LABEL_KEY = '^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$';
export const MAX_LABEL_KEY = 317;
export const LABEL_VALUE = '^(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$';
/** token of RFC 9110 section 5.6.2: header names. */
export const TOKEN = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$";
/** Methods are case-sensitive (RFC 9110 section 9.1), and all that are registered are upper case. */
export const METHOD = '^[A-Z][A-Z0-9_-]{0,31}$';
/** Names of gRPC services, with their package, and of methods, as Protocol Buffers and the Gateway API's GRPCMethodMatch have them. */
export const GRPC_SERVICE = '^[A-Za-z_][A-Za-z0-9_]*(?:\\.[A-Za-z_][A-Za-z0-9_]*)*$';
export const GRPC_METHOD = '^[A-Za-z_][A-Za-z0-9_]*$';
/** field-value of RFC 9110 section 5.5 without surrounding space. */
export const HEADER_VALUE = '^(?:[^\\x00-\\x20\\x7f](?:[^\\x00-\\x08\\x0a-\\x1f\\x7f]*[^\\x00-\\x20\\x7f])?)?$';
