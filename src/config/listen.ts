import { isIPv4 } from 'node:net';

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

/** Whether only this machine reaches a server there. */
export function isLocal(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}
