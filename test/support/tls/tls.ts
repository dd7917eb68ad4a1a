import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { RequestListener } from 'node:http';
import { fileURLToPath } from 'node:url';

/** Certificates for tests, good for a hundred years: an authority, and two that it signed. Its own key is gone. */
export const CA_FILE = pathOf('ca.pem');
/** Of a server called `shadow.example`. */
export const MIRROR_NAME = 'shadow.example';
export const MIRROR_CERT_FILE = pathOf('mirror.pem');
export const MIRROR_KEY_FILE = pathOf('mirror-key.pem');
/** Of a client. */
export const AGENT_CERT_FILE = pathOf('agent.pem');
export const AGENT_KEY_FILE = pathOf('agent-key.pem');

export const CA = readFileSync(CA_FILE, 'latin1');
export const MIRROR_CERT = readFileSync(MIRROR_CERT_FILE, 'latin1');
export const MIRROR_KEY = readFileSync(MIRROR_KEY_FILE, 'latin1');
export const AGENT_CERT = readFileSync(AGENT_CERT_FILE, 'latin1');
export const AGENT_KEY = readFileSync(AGENT_KEY_FILE, 'latin1');

/** @param asksForCertificate refuses clients without one of the authority's */
export function tlsServer(listener: RequestListener, asksForCertificate = false): Server {
  const identity = { cert: MIRROR_CERT, key: MIRROR_KEY };
  return createServer({ ...identity, ca: CA, requestCert: asksForCertificate, rejectUnauthorized: asksForCertificate }, listener);
}

function pathOf(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}
