import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startAgent, type AgentUnderTest } from '../support/agent.ts';
import { PRODUCTION_PORT, startProduction, workersOf, type Arena } from './arena.ts';

/** A way to mirror production, or none, or something to compare with. */
export interface Contender {
  readonly name: string;
  /** Whether each request should arrive at the arena's mirror. */
  readonly mirrors: boolean;
  /** Why it cannot take part here; null when it can. */
  readonly absent: string | null;
  start(arena: Arena): Promise<Running>;
}

/** A contender at work. */
export interface Running extends AsyncDisposable {
  /** Where its production server listens. */
  readonly port: number;
  /** Processes of that server. */
  readonly serverPids: readonly number[];
  /** Its own processes. */
  readonly pids: readonly number[];
  /** The agent's; absent for others. */
  readonly agent?: AgentUnderTest;
}

export const ALONE: Contender = {
  name: 'production alone',
  mirrors: false,
  absent: null,
  start: async (arena) => beside(arena, [], async () => {}),
};

/** Sees everything and sends nothing: what remains is tap, reassembly, decoding and matching. */
export const OBSERVING = shadowtap('Shadowtap, nothing matches', false, { matches: [{ path: { type: 'Exact', value: '/nobody-asks-for-this' } }] });
export const MIRRORING = shadowtap('Shadowtap, mirroring all', true, {});
export const PIPELINING = shadowtap('Shadowtap, mirroring all, pipelining', true, {}, undefined, { pipelining: 16 });

export const NGINX_MIRROR = nginxMirror('nginx mirror module', (url) => ({ to: url, upstream: '' }));
export const NGINX_MIRROR_KEEPALIVE = nginxMirror('nginx mirror module, keep-alive', (url) => ({
  to: 'http://shadow',
  upstream: `upstream shadow { server ${new URL(url).host}; keepalive 64; }`,
}));

export const TCPDUMP = command('tcpdump to /dev/null', 'tcpdump', false, () => ['-i', 'eth0', '-w', '/dev/null', `tcp port ${PRODUCTION_PORT}`]);

/** With the settings that served it best for small requests (larger capture buffer and snap length, ten workers). */
export const GOREPLAY = command('GoReplay', 'gor', true, ({ mirrorUrl }) => [
  '--input-raw', `:${PRODUCTION_PORT}`, '--input-raw-override-snaplen', '--input-raw-buffer-size', '32mb',
  '--output-http', mirrorUrl, '--output-http-workers', '10',
]);

export const PEERS: readonly Contender[] = [NGINX_MIRROR, NGINX_MIRROR_KEEPALIVE, TCPDUMP, GOREPLAY];

/** Mirrors to a server that the arena does not count for. */
export function mirroringTo(url: string): Contender {
  return shadowtap('Shadowtap, mirroring to a recorder', false, {}, url);
}

function shadowtap(name: string, mirrors: boolean, policy: object, url?: string, target: object = {}): Contender {
  return {
    name,
    mirrors,
    absent: null,
    async start(arena) {
      const endpoint = { name: 'bench/app', labels: { app: 'bench' }, ports: [PRODUCTION_PORT], netns: arena.app.netns };
      const targets = [{ url: url ?? arena.mirrorUrl, ...target }];
      const agent = await startAgent({
        spec: { endpoints: [endpoint], logLevel: 'info' },
        policies: { next: { selector: { matchLabels: { app: 'bench' } }, targets, ...policy } },
      });
      const running = await beside(arena, [agent.process.pid], () => agent[Symbol.asyncDispose]());
      return { ...running, agent };
    },
  };
}

/** The module works inside the production server: this contender brings its own. */
function nginxMirror(name: string, mirror: (url: string) => { to: string; upstream: string }): Contender {
  return {
    name,
    mirrors: true,
    absent: null,
    async start(arena) {
      const port = PRODUCTION_PORT + 1;
      const { to, upstream } = mirror(arena.mirrorUrl);
      const nginx = await startProduction(arena.app, port, {
        location: 'mirror /_mirror;',
        server: `location = /_mirror {
          internal; proxy_pass ${to}$request_uri; proxy_http_version 1.1;
          proxy_set_header Connection ""; proxy_set_header Host $http_host;
        }`,
        upstream,
      });
      return { port, serverPids: workersOf(nginx), pids: [], [Symbol.asyncDispose]: () => nginx.stop() };
    },
  };
}

/** A program that taps the production pod's interface from inside. */
function command(name: string, program: string, mirrors: boolean, args: (arena: Arena) => string[]): Contender {
  return {
    name,
    mirrors,
    absent: isOnPath(program) ? null : `${program} is not on the PATH`,
    async start(arena) {
      const running = arena.app.start(program, args(arena));
      // It tells nobody when it has begun to capture.
      await sleep(1_000);
      if (running.child.exitCode !== null) throw new Error(`${program} ended: ${(await running.finished).stderr}`);
      return beside(arena, [running.pid], async () => void (await running.stop()));
    },
  };
}

async function beside({ production }: Arena, pids: readonly number[], stop: () => Promise<void>): Promise<Running> {
  return { port: PRODUCTION_PORT, serverPids: workersOf(production), pids, [Symbol.asyncDispose]: stop };
}

function isOnPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
