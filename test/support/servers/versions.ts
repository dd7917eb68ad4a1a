import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Place } from '../network.ts';
import type { Running } from '../process.ts';

const PROGRAM = fileURLToPath(new URL('./versions-process.ts', import.meta.url));

export type Protocol = 'http/1.1' | 'h2';

/**
 * One of two versions of a small API that answers with JSON: `/same/N` alike, `/changed/N` with another price in v2, `/rare/N` too for
 * one N in a hundred, `/noisy/N` alike but for a number that changes from answer to answer, `/cut/N` in v1 with half an
 * answer. Resolves when it listens.
 */
export async function startVersion(place: Place, version: 'v1' | 'v2', port: number, protocol: Protocol): Promise<Running> {
  const server = place.start(process.execPath, [PROGRAM, version, `${port}`, protocol], { ipc: true });
  const ended = server.finished.then(({ stderr }) => {
    throw new Error(`${version} did not start: ${stderr}`);
  });
  await Promise.race([once(server.child, 'message'), ended]);
  ended.catch(() => {});
  return server;
}
