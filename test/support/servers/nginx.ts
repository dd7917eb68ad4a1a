import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Place } from '../network.ts';
import type { Running } from '../process.ts';

export interface NginxOptions {
  readonly port: number;
  /** Number of worker processes; 1 by default. */
  readonly workers?: number;
  /** Lines for the `server` block, such as locations; `folder` holds what `writeFile` writes. */
  readonly server?: (folder: string) => string;
  /** Speaks HTTP/2 without TLS, and nothing else. */
  readonly http2?: boolean;
  /** false: keeps no record of requests, for measurements. */
  readonly log?: boolean;
}

/** What nginx wrote about a request. */
export interface LoggedRequest {
  readonly method: string;
  readonly target: string;
  readonly status: number;
  /** Length of the request as it came, head and body, in bytes. */
  readonly length: number;
  /** `HTTP/1.1`, `HTTP/2.0` */
  readonly protocol: string;
}

/** Answers every request with `ok`, after reading its body. */
const DEFAULT_SERVER = () => `location / { return 200 "ok\\n"; }`;

/** Starts nginx at a place with a configuration of its own. Resolves when it listens. */
export async function startNginx(place: Place, options: NginxOptions): Promise<Nginx> {
  const folder = await mkdtemp(join(tmpdir(), 'shadowtap-nginx-'));
  await writeFile(join(folder, 'nginx.conf'), configuration(folder, options));
  const process = place.start('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')]);
  const nginx = new Nginx(process, folder);
  try {
    await nginx.ready();
    return nginx;
  } catch (error) {
    await nginx.stop();
    throw error;
  }
}

export class Nginx implements AsyncDisposable {
  readonly #process: Running;
  /** Configuration, logs and files to serve. */
  readonly folder: string;

  constructor(process: Running, folder: string) {
    this.#process = process;
    this.folder = folder;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** nginx writes its pid when its sockets are open. */
  async ready(): Promise<void> {
    let ended = false;
    void this.#process.finished.then(() => (ended = true));
    while (!existsSync(join(this.folder, 'nginx.pid'))) {
      if (ended) throw new Error(`nginx did not start: ${(await this.#process.finished).stderr}`);
      await sleep(5);
    }
  }

  /** Puts a file where the `server` block can serve it. */
  async writeFile(name: string, content: string | Uint8Array): Promise<void> {
    await writeFile(join(this.folder, name), content);
  }

  async requests(): Promise<LoggedRequest[]> {
    const lines = (await readFile(join(this.folder, 'access.log'), 'utf8')).split('\n').filter((line) => line !== '');
    return lines.map((line) => {
      const [method = '', target = '', status, length, protocol = ''] = line.split(' ');
      return { method, target, status: Number(status), length: Number(length), protocol };
    });
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function configuration(folder: string, { port, workers = 1, server = DEFAULT_SERVER, http2 = false, log = true }: NginxOptions): string {
  const how = http2 ? 'http2 backlog=4096' : 'backlog=4096';
  return `
user root;
daemon off;
worker_processes ${workers};
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
events { worker_connections 8192; }
http {
  log_format requests '$request_method $request_uri $status $request_length $server_protocol';
  access_log ${log ? `${folder}/access.log requests` : 'off'};
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  client_max_body_size 0;
  keepalive_requests 1000000000;
  http2_max_concurrent_streams 128;
  keepalive_timeout 3600s;
  server {
    listen ${port} ${how};
    listen [::]:${port} ${how};
    ${server(folder)}
  }
}
`;
}
