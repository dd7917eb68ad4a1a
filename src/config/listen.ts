/** Where a server listens. */
export interface ListenAddress {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

const LISTEN = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]*)):([0-9]{1,5})$/;

/**
 * Reads `host:port`, `[ipv6]:port` or `:port` (all addresses).
 * @returns null where the text is none of these
 */
export function parseListen(text: string): ListenAddress | null {
  const match = LISTEN.exec(text);
  if (match === null) return null;
  const port = Number(match[3]);
  const host = match[1] ?? match[2] ?? '';
  return port > 65_535 ? null : { host: host === '' ? '::' : host, port };
}
