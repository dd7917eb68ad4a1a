import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inspect, loadConfig, loadPolicies, type SettingFlags } from '../../src/config.ts';
import { parseListen } from '../../src/config/listen.ts';
import { locate } from '../../src/config/locate.ts';
import { hashKeys } from '../../src/policy/keys.ts';
import { ShadowtapError, type ErrorCode } from '../../src/errors.ts';

let folder: string;
let files = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'shadowtap-config-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function fileWith(text: string): string {
  const file = join(folder, `${++files}.yaml`);
  writeFileSync(file, text);
  return file;
}

const HEAD = 'apiVersion: shadowtap.dev/v1alpha1\n';
const agent = (spec: string): string => `${HEAD}kind: Agent\nspec:\n${spec}`;
const ENDPOINT = '  endpoints: [{ name: a, labels: { app: x }, ports: [8080], interfaces: [lo] }]\n';
const POLICY = `${HEAD}kind: MirrorPolicy\nmetadata: { name: p }\nspec:\n  selector: {}\n  targets: [{ url: "http://127.0.0.1:9090" }]\n`;
const recording = (name: string): string => `${HEAD}kind: MirrorPolicy\nmetadata: { name: ${name} }\nspec:\n  selector: {}\n  targets: [{ file: { path: /var/x.ndjson } }]\n`;

/** Code and message of what is thrown; the file's name is left out of the message. */
function failure(file: string, work: () => unknown): { code: ErrorCode; message: string } {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof ShadowtapError) return { code: thrown.code, message: thrown.message.replaceAll(file, 'F') };
    throw thrown;
  }
  throw new Error('nothing was thrown');
}

function refusal(text: string, flags: SettingFlags = {}): { code: ErrorCode; message: string } {
  const file = fileWith(text);
  return failure(file, () => loadConfig(file, flags));
}

describe('a configuration file', () => {
  it('gives settings with defaults, endpoints and policies', () => {
    const config = loadConfig(fileWith(`${agent(ENDPOINT)}---\n${POLICY}`));
    expect(config.settings).toEqual({
      tap: 'auto',
      workers: 1,
      ringBytes: 8_388_608,
      memoryBytes: 134_217_728,
      admin: { host: '127.0.0.1', port: 9464 },
      page: { enabled: true, token: null, bodies: false },
      findings: { learnSeconds: 300, webhook: null },
      drainGraceMs: 5000,
      logLevel: 'info',
      markerHeader: 'shadowtap-mirrored',
      cpuBudget: null,
      cpuPressure: null,
      killSwitchFile: null,
      killSwitchTaps: 'Keep',
      hashKeys: hashKeys(null),
    });
    expect(config.endpoints).toEqual([
      {
        id: 1,
        name: 'a',
        labels: { app: 'x' },
        addresses: [],
        ports: [8080],
        portNames: {},
        where: { name: 'a', labels: { app: 'x' }, ports: [8080], interfaces: ['lo'] },
      },
    ]);
    expect(config.policies.map(({ metadata }) => metadata.name)).toEqual(['p']);
  });

  it('takes every setting', () => {
    const spec = 'tap: pcap, workers: 4, ringBytes: 65536, memoryBytes: 4194304, admin: "[::1]:0", drainGrace: 0s, logLevel: debug, markerHeader: X-Shadow, killSwitchFile: /run/off, killSwitchTaps: Detach, cpuBudget: 0.5, cpuPressure: 60, page: { enabled: false, bodies: true }, findings: { learning: 1m, webhook: https://hooks.example/x, minSeverity: high }';
    const { settings } = loadConfig(fileWith(`${HEAD}kind: Agent\nspec: { ${spec}, ${ENDPOINT.trim()} }\n`));
    expect(settings).toEqual({
      tap: 'pcap',
      workers: 4,
      ringBytes: 65_536,
      memoryBytes: 4_194_304,
      admin: { host: '::1', port: 0 },
      page: { enabled: false, token: null, bodies: true },
      findings: { learnSeconds: 60, webhook: { url: 'https://hooks.example/x', minSeverity: 'high', headers: {} } },
      drainGraceMs: 0,
      logLevel: 'debug',
      markerHeader: 'x-shadow',
      cpuBudget: 0.5,
      cpuPressure: 60,
      killSwitchFile: '/run/off',
      killSwitchTaps: 'Detach',
      hashKeys: hashKeys(null),
    });
  });

  it('takes ports by name, and each port once', () => {
    const { endpoints } = loadConfig(fileWith(agent('  endpoints: [{ name: a, ports: [{ name: http, port: 80 }, 81, 80], interfaces: [lo] }]\n')));
    expect(endpoints[0]).toMatchObject({ ports: [80, 81], portNames: { http: 80 } });
  });

  it('gives way to flags', () => {
    const { settings } = loadConfig(fileWith(agent(`  workers: 2\n${ENDPOINT}`)), { workers: 3, admin: 'off', tap: 'ebpf:tcx' });
    expect(settings).toMatchObject({ workers: 3, admin: null, tap: 'ebpf:tcx' });
  });

  it('may hold empty documents', () => {
    expect(loadConfig(fileWith(`---\n# nothing\n---\n${agent(ENDPOINT)}---\n`)).policies).toEqual([]);
  });

  it.each<[string, SettingFlags, string]>([
    ['workers', { workers: 0 }, '--workers: 0 is not allowed; give a number from 1 to 64'],
    ['workers', { workers: 'two' }, '--workers: "two" is not allowed; give a number from 1 to 64'],
    ['tap', { tap: 'ebpf' }, '--tap: "ebpf" is not allowed; give one of auto, ebpf:tcx, ebpf:cgroup, ebpf:clsact, pcap'],
    ['admin', { admin: '9464' }, '--admin: "9464" is not allowed; give an address such as 127.0.0.1:9464 or [::1]:9464, or off'],
    ['logLevel', { logLevel: 'loud' }, '--log-level: "loud" is not allowed; give one of debug, info, warn, error, silent'],
  ])('does not excuse a bad flag: %s', (_, flags, message) => {
    expect(refusal(agent(ENDPOINT), flags)).toEqual({ code: 'USAGE', message });
  });
});

describe('a bad field', () => {
  it.each([
    ['  tap: tcx\n', 'F:4: Agent: spec.tap: "tcx" is not allowed; give one of auto, ebpf:tcx, ebpf:cgroup, ebpf:clsact, pcap'],
    ['  workers: 65\n', 'F:4: Agent: spec.workers: 65 is not allowed; give a number from 1 to 64'],
    ['  ringBytes: 100000\n', 'F:4: Agent: spec.ringBytes: 100000 is not allowed; give a power of two from 65536 to 1073741824'],
    ['  memoryBytes: 1\n', 'F:4: Agent: spec.memoryBytes: 1 is not allowed; give a number of bytes from 4194304 to 68719476736'],
    ['  admin: localhost\n', 'F:4: Agent: spec.admin: "localhost" is not allowed; give an address such as 127.0.0.1:9464 or [::1]:9464, or off'],
    ['  drainGrace: 1h\n', 'F:4: Agent: spec.drainGrace: "1h" is not allowed; give a duration from 0s to 10m, such as 5s'],
    ['  logLevel: trace\n', 'F:4: Agent: spec.logLevel: "trace" is not allowed; give one of debug, info, warn, error, silent'],
    ['  cpuBudget: 0\n', 'F:4: Agent: spec.cpuBudget: 0 is not allowed; give a number of cores from 0.01 to 1024, such as 0.5'],
    ['  cpuPressure: 101\n', 'F:4: Agent: spec.cpuPressure: 101 is not allowed; give a number of percent from 1 to 100'],
    ['  killSwitchFile: off\n', 'F:4: Agent: spec.killSwitchFile: "off" is not allowed; give a path such as /run/shadowtap/off'],
    ['  killSwitchTaps: keep\n', 'F:4: Agent: spec.killSwitchTaps: "keep" is not allowed; give one of Keep, Detach'],
    ['  markerHeader: "a b"\n', 'F:4: Agent: spec.markerHeader: "a b" is not allowed; give a header name'],
    ['  workres: 3\n', 'F:4: Agent: spec.workres: unknown field; did you mean workers?'],
  ])('of the settings is refused with its line: %j', (field, message) => {
    expect(refusal(agent(`${field}${ENDPOINT}`))).toEqual({ code: 'CONFIG_INVALID', message });
  });

  it.each([
    ['{}', 'F:5: Agent: spec.endpoints[0].name: missing; give a name of 1 to 253 characters\nF:5: Agent: spec.endpoints[0].ports: missing; give a list of 1 to 64 ports'],
    ['{ name: a, ports: [] , pid: 1 }', 'F:5: Agent: spec.endpoints[0].ports: an empty list is not allowed; give a list of 1 to 64 ports'],
    ['{ name: a, ports: [0], pid: 1 }', 'F:5: Agent: spec.endpoints[0].ports[0]: 0 is not allowed; give a port number from 1 to 65535, or {name, port}'],
    ['{ name: a, ports: [{ name: http }], pid: 1 }', 'F:5: Agent: spec.endpoints[0].ports[0].port: missing; give a port number from 1 to 65535'],
    ['{ name: a, ports: [80] }', 'F:5: Agent: spec.endpoints[0]: say where it is: give netns, pid, interfaces, cgroup or addresses'],
    ['{ name: a, ports: [80], pid: 1, netns: b }', 'F:5: Agent: spec.endpoints[0]: give netns or pid, not both'],
    ['{ name: a, ports: [80], pid: init }', 'F:5: Agent: spec.endpoints[0].pid: "init" is not allowed; give the id of a process'],
    ['{ name: a, ports: [80], netns: "" }', 'F:5: Agent: spec.endpoints[0].netns: "" is not allowed; give a path such as /run/netns/shop, or a name that ip netns shows'],
    ['{ name: a, ports: [80], interfaces: [a/b] }', 'F:5: Agent: spec.endpoints[0].interfaces[0]: "a/b" is not allowed; give the name of an interface'],
    ['{ name: a, ports: [80], cgroup: shop }', 'F:5: Agent: spec.endpoints[0].cgroup: "shop" is not allowed; give a path such as /sys/fs/cgroup/shop.slice'],
    ['{ name: a, ports: [80], addresses: [10.0.0.256] }', 'F:5: Agent: spec.endpoints[0].addresses[0]: "10.0.0.256" is not allowed; give an IPv4 or IPv6 address'],
    ['{ name: a, labels: { a: true }, ports: [80], pid: 1 }', 'F:5: Agent: spec.endpoints[0].labels.a: true is not allowed; give a label value: letters, digits, -, _ and ., at most 63, as a text (quote numbers)'],
    ['{ name: a, ports: [80], interfaces: [lo] }\n  - { name: a, ports: [81], interfaces: [lo] }', 'F:4: Agent: spec.endpoints: two endpoints are called "a"; give each its own name'],
  ])('of an endpoint is refused with its line: %s', (endpoint, message) => {
    expect(refusal(agent(`  endpoints:\n  - ${endpoint}\n`))).toEqual({ code: 'CONFIG_INVALID', message });
  });

  it('of a policy is refused with line, policy, field, value and what is allowed', () => {
    const text = `${agent(ENDPOINT)}---\n${HEAD}kind: MirrorPolicy\nmetadata:\n  name: next\n  namespace: shop\nspec:\n  selector: {}\n  sample:\n    percent: 200\n  targets:\n  - url: http://a\n    percnt: 5\n`;
    expect(refusal(text).message.split('\n')).toEqual([
      'F:14: MirrorPolicy shop/next: spec.sample.percent: 200 is not allowed; give a number from 0 to 100, such as 10 or 0.5',
      'F:17: MirrorPolicy shop/next: spec.targets[0].percnt: unknown field; did you mean percent?',
    ]);
  });

  it('of one document says nothing of another', () => {
    const reports = inspect(fileWith(`${POLICY}---\n${POLICY.replace('name: p', 'name: q').replace('selector: {}', 'selector: []')}---\n${POLICY.replace('name: p', 'name: r')}`));
    expect(reports.map(({ problems }) => problems.length)).toEqual([0, 1, 0]);
    expect(reports.map(({ policy }) => policy?.metadata.name)).toEqual(['p', undefined, 'r']);
  });

  it('cannot break a message into several lines', () => {
    const { message } = refusal(`${HEAD}kind: MirrorPolicy\nmetadata: { name: "a\\nb", namespace: "c\\rd" }\nspec: { "x\\ny": 1, selector: {}, targets: [{ url: "http://a\\nb" }] }\n`);
    expect(message.split('\n')).toHaveLength(4);
    for (const line of message.split('\n')) expect(line).toMatch(/^F:[0-9]+: /);
  });
});

describe('a file as a whole', () => {
  it.each<[string, string, ErrorCode, string]>([
    ['that is empty', '', 'CONFIG_FILE', 'F: has no documents; add some of kind Agent and MirrorPolicy'],
    ['without an Agent', POLICY, 'CONFIG_INVALID', 'F: has no document of kind Agent; add one that names the endpoints'],
    ['with two Agents', `${agent(ENDPOINT)}---\n${agent(ENDPOINT)}`, 'CONFIG_INVALID', 'F:7: Agent: kind: a second Agent; keep one'],
    ['with two policies of one name', `${POLICY}---\n${POLICY}`, 'CONFIG_INVALID', 'F:10: MirrorPolicy default/p: metadata.name: a second MirrorPolicy default/p; give each its own name'],
    ['with two targets that record to one file', `${POLICY}---\n${recording('a')}---\n${recording('b')}`, 'CONFIG_INVALID', 'F:20: MirrorPolicy default/b: spec.targets[0].file.path: another target records to /var/x.ndjson, too; give each its own'],
    ['with another kind', `${HEAD}kind: Service\n`, 'CONFIG_INVALID', 'F:2: Service: kind: "Service" is not allowed; give Agent or MirrorPolicy'],
    ['without a kind', `${HEAD}a: 1\n`, 'CONFIG_INVALID', 'F:1: document 1: kind: missing; give Agent or MirrorPolicy'],
    ['with a list', '- 1\n', 'CONFIG_INVALID', 'F:1: document 1: kind: missing; give Agent or MirrorPolicy'],
    ['that is no YAML', 'a: b: c\n', 'CONFIG_FILE', 'F:1: not YAML: Nested mappings are not allowed in compact mappings'],
    ['with a field twice', 'a: 1\nb: 2\na: 3\n', 'CONFIG_FILE', 'F:3: not YAML: Map keys must be unique'],
    ['with an alias bomb', `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'.split('').map((c, i) => `${c}: &${c} [${`*${'abcdefg'[i]},`.repeat(9)}]`).join('\n')}\n`, 'CONFIG_FILE', 'F: not usable YAML: Excessive alias count indicates a resource exhaustion attack'],
  ])('%s is refused', (_, text, code, message) => {
    expect(refusal(text)).toEqual({ code, message });
  });

  it('that is nested without end is refused', () => {
    expect(refusal('['.repeat(50_000))).toMatchObject({ code: 'CONFIG_FILE' });
    expect(refusal('{a: '.repeat(50_000))).toMatchObject({ code: 'CONFIG_FILE' });
  });

  it('that cannot be read says why', () => {
    const missing = join(folder, 'missing.yaml');
    expect(failure(missing, () => loadConfig(missing))).toEqual({ code: 'CONFIG_FILE', message: 'F: cannot be read: there is no such file' });
    expect(failure(folder, () => loadConfig(folder))).toEqual({ code: 'CONFIG_FILE', message: 'F: cannot be read: it is a directory; name a file in it' });
  });

  it('gives its policies alone where those are asked for', () => {
    expect(loadPolicies(fileWith(`${agent(ENDPOINT)}---\n${POLICY}`)).map(({ metadata }) => metadata.name)).toEqual(['p']);
    const none = fileWith(agent(ENDPOINT));
    expect(failure(none, () => loadPolicies(none)).message).toBe('F: has no document of kind MirrorPolicy; add one');
  });
});

describe('where an endpoint is', () => {
  const entryOf = (where: string) => loadConfig(fileWith(agent(`  endpoints: [{ name: a, ports: [80], ${where} }]\n`))).endpoints[0]!.where;
  const locationOf = (where: string) => locate(entryOf(where));

  it('is taken from a process: in our own namespace, all interfaces', () => {
    expect(locationOf(`pid: ${process.pid}`)).toMatchObject({ interfaces: expect.arrayContaining(['lo']) });
    expect(locationOf(`pid: ${process.pid}`)).not.toHaveProperty('netns');
  });

  it('is what interfaces say, if they are given', () => {
    expect(locationOf(`pid: ${process.pid}, interfaces: [eth7]`)).toMatchObject({ interfaces: ['eth7'] });
  });

  it('is the interface that holds an address', () => {
    expect(locationOf('addresses: [127.0.0.1]')).toEqual({ interfaces: ['lo'], addresses: ['127.0.0.1'] });
  });

  it('is the interface that the route to an address leaves by', () => {
    expect(locationOf('addresses: [127.7.7.7]')).toEqual({ interfaces: ['lo'], addresses: ['127.7.7.7'] });
  });

  it.each([
    ['pid: 4194304', 'endpoint a: there is no process 4194304'],
    ['netns: no-such-namespace', 'endpoint a: there is no network namespace /run/netns/no-such-namespace; see ip netns list'],
    ['netns: /no/such/file', 'endpoint a: there is no network namespace /no/such/file; see ip netns list'],
    ['cgroup: /tmp', 'endpoint a: /tmp is not the directory of a cgroup v2'],
  ])('may not exist yet, which says who looks for it: %s', (where, message) => {
    const entry = entryOf(where);
    expect(() => locate(entry)).toThrow(expect.objectContaining({ code: 'ENDPOINT', message }));
  });

  it('is the namespace of a process that has its own', async ({ skip }) => {
    const child = spawn('unshare', ['-n', 'sleep', '30'], { stdio: 'ignore' });
    try {
      await once(child, 'spawn');
      let location = locationOf(`pid: ${child.pid}`);
      for (let tries = 0; tries < 100 && location.netns === undefined && child.exitCode === null; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        if (child.exitCode === null) location = locationOf(`pid: ${child.pid}`);
      }
      if (child.exitCode !== null && process.env['CI'] !== 'true') return skip('unshare -n is not permitted here');
      expect(location).toMatchObject({ netns: `/proc/${child.pid}/ns/net` });
      expect(location).not.toHaveProperty('interfaces');
    } finally {
      child.kill('SIGKILL');
    }
  });
});

describe('a listen address', () => {
  it.each([
    ['127.0.0.1:80', { host: '127.0.0.1', port: 80 }],
    ['[::]:0', { host: '::', port: 0 }],
    [':9464', { host: '::', port: 9464 }],
    ['localhost:65535', { host: 'localhost', port: 65_535 }],
    ['localhost:65536', null],
    ['localhost', null],
    ['::1:80', null],
    ['', null],
  ])('is host and port: %s', (text, expected) => {
    expect(parseListen(text)).toEqual(expected);
  });
});
