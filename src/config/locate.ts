import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { messageOf, ShadowtapError } from '../errors.ts';
import { cgroup2Mount } from '../tap/cgroup2.ts';
import type { EndpointLocation } from '../tap/tap.ts';
import type { EndpointEntry } from './agent-schema.ts';

/**
 * Finds where the packets of a configured endpoint pass on this machine.
 * @throws ShadowtapError ENDPOINT: there is no such process, namespace, cgroup or route
 */
export function locate(endpoint: EndpointEntry): EndpointLocation {
  const { cgroup, addresses } = endpoint;
  const place = { ...placeOf(endpoint), ...(cgroup && { cgroup }) };
  const interfaces = endpoint.interfaces ?? (place.netns === undefined ? ownInterfaces(endpoint) : undefined);
  return { ...place, ...(interfaces && { interfaces }), ...(addresses && { addresses }) };
}

type Place = Pick<EndpointLocation, 'netns' | 'cgroup'>;

function placeOf(endpoint: EndpointEntry): Place {
  if (endpoint.netns !== undefined) return { netns: namespaceFile(endpoint, endpoint.netns) };
  if (endpoint.pid !== undefined) return placeOfProcess(endpoint, endpoint.pid);
  return endpoint.cgroup === undefined ? {} : placeOfCgroup(endpoint, endpoint.cgroup);
}

function namespaceFile(endpoint: EndpointEntry, netns: string): string {
  const path = netns.startsWith('/') ? netns : `/run/netns/${netns}`;
  if (existsSync(path)) return path;
  throw problem(endpoint, `there is no network namespace ${path}; see ip netns list`);
}

/** A process's namespace, unless it is the agent's own, and its cgroup, unless it is the root. */
function placeOfProcess(endpoint: EndpointEntry, pid: number): Place {
  try {
    const netns = namespaceOf(pid);
    const cgroup = cgroupOf(pid);
    return { ...(netns && { netns }), ...(cgroup && { cgroup }) };
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : '';
    if (code === 'EACCES') throw problem(endpoint, `process ${pid} may not be looked at; run as root or with CAP_SYS_PTRACE`, thrown);
    throw problem(endpoint, `there is no process ${pid}`, thrown);
  }
}

/** The namespace of one of its processes; without it a tap on the cgroup itself still works. */
function placeOfCgroup(endpoint: EndpointEntry, cgroup: string): Place {
  if (!existsSync(`${cgroup}/cgroup.procs`)) throw problem(endpoint, `${cgroup} is not the directory of a cgroup v2`);
  try {
    const netns = namespaceOf(Number(readFileSync(`${cgroup}/cgroup.procs`, 'utf8').split('\n', 1)[0]));
    return netns === undefined ? {} : { netns };
  } catch {
    return {};
  }
}

function namespaceOf(pid: number): string | undefined {
  const file = `/proc/${pid}/ns/net`;
  return readlinkSync(file) === readlinkSync('/proc/self/ns/net') ? undefined : file;
}

/** The unified hierarchy's line in /proc/<pid>/cgroup begins with `0::` (cgroups(7)). */
function cgroupOf(pid: number): string | undefined {
  const path = /^0::(\/.+)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1];
  const mount = cgroup2Mount();
  if (path === undefined || mount === null) return undefined;
  const directory = `${mount}${path}`;
  return existsSync(directory) ? directory : undefined;
}

/** In the agent's own namespace: the interfaces that the addresses need, or all. */
function ownInterfaces(endpoint: EndpointEntry): readonly string[] {
  if (endpoint.addresses === undefined) return Object.keys(networkInterfaces());
  return [...new Set(endpoint.addresses.flatMap((ip) => interfacesFor(endpoint, ip)))];
}

/** An address of this machine is reached over its interface from outside and over `lo` from inside. */
function interfacesFor(endpoint: EndpointEntry, address: string): string[] {
  for (const [name, held] of Object.entries(networkInterfaces())) {
    if (held?.some((entry) => entry.address === address) === true) return name === 'lo' ? ['lo'] : [name, 'lo'];
  }
  return [routeTo(endpoint, address)];
}

function routeTo(endpoint: EndpointEntry, address: string): string {
  const remedy = 'name the interfaces on which its packets pass';
  try {
    const answer = execFileSync('ip', ['-j', 'route', 'get', address], { timeout: 5000, stdio: ['ignore', 'pipe', 'pipe'] });
    const routes = JSON.parse(answer.toString('utf8')) as { readonly dev?: string }[];
    if (routes[0]?.dev !== undefined) return routes[0].dev;
  } catch (thrown) {
    throw problem(endpoint, `no route to ${address} is known (${messageOf(thrown).split('\n')[0]}); ${remedy}`, thrown);
  }
  throw problem(endpoint, `no route to ${address} is known; ${remedy}`);
}

function problem({ name }: EndpointEntry, message: string, cause?: unknown): ShadowtapError {
  return new ShadowtapError('ENDPOINT', `endpoint ${name}: ${message}`, { cause });
}
