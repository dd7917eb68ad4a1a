import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SHADOWTAP = join(ROOT, 'bin/shadowtap');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'shadowtap-cli-'));
  writeFileSync(join(folder, 'good.yaml'), GOOD);
  writeFileSync(join(folder, 'bad.yaml'), GOOD.replace('percent: 10', 'percent: 200'));
  writeFileSync(join(folder, 'idle.yaml'), GOOD.replace('selector: {}', 'selector: { matchLabels: { app: x } }'));
  writeFileSync(join(folder, 'gone.yaml'), GOOD.replace('interfaces: [lo]', 'pid: 4194304'));
  writeFileSync(join(folder, 'two.yaml'), `${GOOD.replace('percent: 10', 'percent: 200').replace('workers: 1', 'workers: 0')}`);
  writeFileSync(join(folder, 'empty.pcap'), '');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const GOOD = `apiVersion: shadowtap.dev/v1alpha1
kind: Agent
spec:
  workers: 1
  endpoints: [{ name: a, ports: [8080], interfaces: [lo] }]
---
apiVersion: shadowtap.dev/v1alpha1
kind: MirrorPolicy
metadata: { name: p }
spec:
  selector: {}
  sample: { percent: 10 }
  targets: [{ url: "http://127.0.0.1:9090" }]
`;

interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the real command line in the folder of the test's files. */
function shadowtap(...args: string[]): Result {
  const { status, stdout, stderr } = spawnSync(SHADOWTAP, args, { cwd: folder, encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

const URL_WANTED = 'give an address such as http://127.0.0.1:8080 or https://shadow.example/base';

describe('what the user can mend', () => {
  it.each<[string, string]>([
    ['', 'name a command: run, plan, replay, status, report, gate, top, findings, doctor, validate or controller; see shadowtap --help'],
    ['rnu', "unknown command 'rnu' (Did you mean run?); see shadowtap --help"],
    ['--loud', "unknown option '--loud'; see shadowtap --help"],
    ['run', "required option '-f, --file <path>' not specified; see shadowtap run --help"],
    ['run -f', "option '-f, --file <path>' argument missing; see shadowtap run --help"],
    ['run -f good.yaml --worker 1', "unknown option '--worker' (Did you mean --workers?); see shadowtap run --help"],
    ['run -f none.yaml', 'none.yaml: cannot be read: there is no such file'],
    ['run -f .', '.: cannot be read: it is a directory; name a file in it'],
    ['plan -f good.yaml --for soon', '--for: "soon" is not allowed; give a duration from 1s, such as 30s or 5m'],
    ['plan -f good.yaml -o xml', '--output: "xml" is not allowed; give table or json'],
    ['run -f good.yaml --cpu-budget lots', '--cpu-budget: "lots" is not allowed; give a number of cores from 0.01 to 1024, such as 0.5'],
    ['run -f good.yaml --memory 1', '--memory: 1 is not allowed; give a number of bytes from 4194304 to 68719476736'],
    ['run -f bad.yaml', 'bad.yaml:12: MirrorPolicy default/p: spec.sample.percent: 200 is not allowed; give a number from 0 to 100, such as 10 or 0.5'],
    ['run -f good.yaml --workers 0', '--workers: 0 is not allowed; give a number from 1 to 64'],
    ['run -f good.yaml --workers many', '--workers: "many" is not allowed; give a number from 1 to 64'],
    ['run -f good.yaml --tap bpf', '--tap: "bpf" is not allowed; give one of auto, ebpf:tcx, ebpf:cgroup, ebpf:clsact, pcap'],
    ['run -f good.yaml --admin 9464', '--admin: "9464" is not allowed; give an address such as 127.0.0.1:9464 or [::1]:9464, or off'],
    ['run -f good.yaml --log-level all', '--log-level: "all" is not allowed; give one of debug, info, warn, error, silent'],
    ['replay', "missing required argument 'file'; see shadowtap replay --help"],
    ['replay a.pcap', 'say where the requests go: give --to URL or --policy FILE, or --dry-run to print them'],
    ['replay a.pcap --to shadow', `--to: "shadow" is not allowed; ${URL_WANTED}`],
    ['replay a.pcap --to http://a --policy good.yaml', '--policy: its targets get the requests; leave out --to'],
    ['replay a.pcap --policy bad.yaml', 'bad.yaml:12: MirrorPolicy default/p: spec.sample.percent: 200 is not allowed; give a number from 0 to 100, such as 10 or 0.5'],
    ['replay a.pcap --dry-run --speed fast', '--speed: "fast" is not allowed; give a factor such as 1x, 0.5x or 10x, or max'],
    ['replay a.pcap --dry-run --speed 0x', '--speed: "0x" is not allowed; give a factor such as 1x, 0.5x or 10x, or max'],
    ['replay a.pcap --dry-run --port 80,http', '--port: "http" is not allowed; give a port number from 1 to 65535'],
    ['replay a.pcap --dry-run --port 70000', '--port: "70000" is not allowed; give a port number from 1 to 65535'],
    ['doctor -o yaml', '--output: "yaml" is not allowed; give table or json'],
    ['doctor now', "too many arguments for 'doctor'. Expected 0 arguments but got 1: now.; see shadowtap doctor --help"],
    ['validate', "required option '-f, --file <path...>' not specified; see shadowtap validate --help"],
    ['validate -f none.yaml', 'none.yaml: cannot be read: there is no such file'],
  ])('is one line on standard error and exit code 2: shadowtap %s', (line, message) => {
    expect(shadowtap(...line.split(' ').filter((word) => word !== ''))).toEqual({ code: 2, out: '', err: `shadowtap: ${message}\n` });
  });

  it('gets a line for each thing where there are several', () => {
    const { code, err } = shadowtap('run', '-f', 'two.yaml');
    expect(code).toBe(2);
    expect(err).toMatch(/^shadowtap: two\.yaml:4: Agent: spec\.workers: .*\nshadowtap: two\.yaml:12: MirrorPolicy .*\n$/);
  });

  it.each(['none.pcap', 'empty.pcap', 'good.yaml'])('is a capture that cannot be read: %s', (file) => {
    const { code, out, err } = shadowtap('replay', file, '--dry-run');
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(new RegExp(`^shadowtap: .*${file}.*\\n$`));
  });
});

describe('a question to all agents', () => {
  it.each(['report', 'top', 'findings'])('says how to ask one where there is no cluster: %s', (command) => {
    const { status, stderr } = spawnSync(SHADOWTAP, [command], { cwd: folder, encoding: 'utf8', env: { PATH: process.env['PATH'], HOME: folder } });
    expect(stderr).toMatch(/^shadowtap: the kubeconfig .* there is none; .*--admin 127\.0\.0\.1:9464\n$/);
    expect(status).toBeGreaterThan(0);
  });
});

describe('what goes wrong at run time', () => {
  it('is one line and exit code 1', () => {
    // Without root it is the tap that fails, with it the address, which is nobody's (RFC 5737).
    const { code, out, err } = shadowtap('run', '-f', 'gone.yaml', '--admin', '192.0.2.1:80', '--log-level', 'silent');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(process.getuid?.() === 0 ? /^shadowtap: cannot open the admin port 192\.0\.2\.1:80 .*--admin.*\n$/ : /^shadowtap: .+\n$/);
  });
});

describe('validate', () => {
  it('reports each document by itself', () => {
    const { code, out, err } = shadowtap('validate', '-f', 'bad.yaml', 'good.yaml');
    expect(code).toBe(2);
    expect(out).toBe('bad.yaml:1: Agent: ok\ngood.yaml:1: Agent: ok\ngood.yaml:7: MirrorPolicy default/p: ok\n');
    expect(err).toMatch(/^shadowtap: bad\.yaml:12: MirrorPolicy default\/p: spec\.sample\.percent: .*\n$/);
  });

  it('warns of a policy that selects nothing', () => {
    const { code, err } = shadowtap('validate', '-f', 'idle.yaml');
    expect(code).toBe(0);
    expect(err).toBe('shadowtap: warning: idle.yaml:11: MirrorPolicy default/p: spec.selector: selects none of the endpoints\n');
  });

  it('goes on after a file that cannot be read', () => {
    const { code, out } = shadowtap('validate', '-f', 'none.yaml', 'good.yaml');
    expect(code).toBe(2);
    expect(out).toContain('good.yaml:7: MirrorPolicy default/p: ok');
  });
});

describe('doctor', () => {
  it('says as JSON which tap this node gets, and its exit code agrees', () => {
    const { code, out, err } = shadowtap('doctor', '-o', 'json');
    const report = JSON.parse(out) as { tap: string | null; reason: string; considered: unknown[] };
    expect(err).toBe('');
    expect(report.considered).toHaveLength(4);
    expect(code).toBe(report.tap === null ? 3 : report.tap === 'pcap' ? 1 : 0);
  });

  it('says the same to people', () => {
    const { tap } = JSON.parse(shadowtap('doctor', '-o', 'json').out) as { tap: string | null };
    expect(shadowtap('doctor').out).toContain(tap === null ? 'No tap can be used' : `\`--tap auto\` uses ${tap}`);
  });
});

describe('help and version', () => {
  it.each(['run', 'replay', 'doctor', 'validate'])('%s has examples', (command) => {
    const { code, out, err } = shadowtap(command, '--help');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(new RegExp(`Examples:\\n(.|\\n)*shadowtap ${command}`));
  });

  it('name every command and exit code', () => {
    const { out } = shadowtap('--help');
    for (const word of ['run', 'replay', 'doctor', 'validate', 'Exit codes']) expect(out).toContain(word);
  });

  it('tells the version', () => {
    expect(shadowtap('--version')).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });
});

describe('the launcher', () => {
  it('follows links, relative and absolute', () => {
    symlinkSync(SHADOWTAP, join(folder, 'absolute'));
    symlinkSync('absolute', join(folder, 'relative'));
    const { status } = spawnSync(join(folder, 'relative'), ['--version'], { cwd: '/' });
    expect(status).toBe(0);
  });
});
