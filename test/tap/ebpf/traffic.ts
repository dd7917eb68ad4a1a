import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { ChildProcess } from 'node:child_process';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { Cgroup, Pod } from '../../support/netns.ts';

const SERVER = fileURLToPath(new URL('./server.mjs', import.meta.url));

/** Starts a server of `server.mjs` in a pod and waits until it listens. */
export async function serve(kind: 'http' | 'echo', pod: Pod, port: number, cgroup?: Cgroup): Promise<ChildProcess> {
  const args = [SERVER, kind, String(port), ...(cgroup === undefined ? [] : [`${cgroup.path}/cgroup.procs`])];
  const child = pod.spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit').then(() => Promise.reject(new Error('the test server did not start')));
  exited.catch(() => {});
  await Promise.race([once(child.stdout!, 'data'), exited]);
  return child;
}

/** Ends a child and waits for it: a namespace or cgroup can only go when its processes have. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** One request. @returns the response's body */
export async function get(host: string, port: number, path = '/', options: { body?: Buffer; agent?: Agent } = {}): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const { body, agent } = options;
    const req = request({ host, port, path, method: body === undefined ? 'GET' : 'POST', agent: agent ?? false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => resolve(Buffer.concat(parts)));
      response.on('error', reject);
    });
    req.on('error', reject);
    req.end(body);
  });
}

export async function connected(host: string, port: number, localPort?: number): Promise<Socket> {
  const socket = connect({ host, port, noDelay: true, ...(localPort !== undefined && { localPort }) });
  await once(socket, 'connect');
  return socket;
}

/** Writes and waits until the echo server has sent it back. */
export async function echo(socket: Socket, text: string | Buffer): Promise<void> {
  let missing = Buffer.byteLength(text);
  socket.write(text);
  while (missing > 0) {
    const [part] = (await once(socket, 'data')) as [Buffer];
    missing -= part.length;
  }
}
