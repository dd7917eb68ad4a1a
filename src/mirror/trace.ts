/**
 * Clears the sampled flag of a W3C `traceparent` (version-traceid-parentid-flags, Trace Context section 3.2): the copy
 * keeps its trace id, so that it can be found, but adds no spans to production's traces.
 */
export function unsampledTraceparent(value: string): string {
  if (value.length < 55) return value;
  const flags = Number.parseInt(value.slice(53, 55), 16);
  if (Number.isNaN(flags)) return value;
  return value.slice(0, 53) + (flags & ~1).toString(16).padStart(2, '0') + value.slice(55);
}

/** The same for Zipkin's single `b3` header: traceid-spanid-state[-parent], or the state alone. */
export function unsampledB3(value: string): string {
  const parts = value.split('-');
  if (parts.length === 1) return '0';
  parts[2] = '0';
  return parts.join('-');
}
