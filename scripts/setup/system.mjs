import { chmodSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { doing, warn } from './report.mjs';
import { findCommand, run } from './run.mjs';

/**
 * What the system has to provide: how to see that it is there, which Debian package brings it, who needs it.
 * clang compiles the BPF object and the pcap module alike, so no other compiler is asked for.
 */
const NEEDS = [
  { command: 'clang', package: 'clang', why: 'compiles the BPF object', for: ['run', 'demo', 'test', 'bench', 'image'] },
  { command: 'make', package: 'make', why: 'builds the BPF object', for: ['run', 'demo', 'test', 'bench', 'image'] },
  { header: 'asm/types.h', package: 'linux-libc-dev', why: 'kernel headers', for: ['run', 'demo', 'test', 'bench', 'image'] },
  { header: 'bpf/bpf_helpers.h', package: 'libbpf-dev', why: 'BPF headers', for: ['run', 'demo', 'test', 'bench', 'image'] },
  { library: 'libbpf.so.1', package: 'libbpf1', why: 'loads the BPF object', for: ['run', 'demo', 'test', 'bench', 'image'] },
  { header: 'pcap/pcap.h', package: 'libpcap-dev', why: 'the pcap tap', for: ['run', 'demo', 'test', 'bench', 'image'] },
  { command: 'ip', package: 'iproute2', why: 'namespaces that act as pods', for: ['demo', 'test', 'bench'] },
  { command: 'ethtool', package: 'ethtool', why: 'switches offloads in tests', for: ['test', 'bench'] },
  { command: 'curl', package: 'curl', why: 'a client in tests', for: ['test', 'bench'] },
  { command: 'wrk', package: 'wrk', why: 'a load generator', for: ['test', 'bench'] },
  { command: 'nft', package: 'nftables', why: 'redirects to a proxy as a mesh does, in tests', for: ['test'] },
  { command: 'bpftool', package: 'bpftool', why: 'a second opinion on links in tests', for: ['test'] },
  { command: 'unzip', package: 'unzip', why: 'unpacks kubectl', for: ['test'] },
  { command: 'runc', package: 'runc', why: 'runs the agent as a container', for: ['test'] },
  { file: '/usr/share/containers/seccomp.json', package: 'golang-github-containers-common', why: "a runtime's default seccomp profile", for: ['test'] },
  { command: 'buildah', package: 'buildah', why: 'builds the image', for: ['test'] },
  { command: 'mmdebstrap', package: 'mmdebstrap', why: 'makes a base image', for: ['test'] },
  { command: 'nginx', package: 'nginx', service: 'nginx', why: 'a server in tests', for: ['test', 'bench'] },
  { command: 'h2load', package: 'nghttp2-client', why: 'clients of HTTP/2 in tests', for: ['test'] },
  { command: 'nghttpd', package: 'nghttp2-server', why: 'a server of HTTP/2 in tests', for: ['test'] },
  { command: 'nghttpx', package: 'nghttp2-proxy', service: 'nghttpx', why: 'a server that takes upgrades to HTTP/2 in tests', for: ['test'] },
  { command: 'openssl', package: 'openssl', why: 'makes the authority of the test cluster', for: ['test'] },
  { command: 'tshark', package: 'tshark', why: 'judges how captures are read, in tests', for: ['test'] },
  { command: 'chromium', package: 'chromium', why: 'shows the page, in tests', for: ['test'] },
  { command: 'prometheus', package: 'prometheus', service: 'prometheus', why: 'judges metrics, alerts and dashboards, in tests', for: ['test'] },
  { command: 'mergecap', package: 'wireshark-common', why: 'puts captures together for tshark', for: ['test'] },
  { command: 'tcpdump', package: 'tcpdump', why: 'a second opinion on what is sent, and a peer to compare with', for: ['test', 'bench'] },
];

/**
 * Installs what is missing where that is possible, else says how to.
 * @returns what is still missing
 */
export function installSystemPackages(purpose) {
  const missing = missingFor(purpose);
  if (missing.length === 0) return [];
  const packages = missing.map((need) => need.package);
  if (process.getuid?.() === 0 && findCommand('apt-get')) install(missing);
  else {
    warn(`missing: ${missing.map((need) => `${need.package} (${need.why})`).join(', ')}`);
    warn(findCommand('apt-get') ? `to install: sudo apt-get install -y ${packages.join(' ')}`
      : `install these with your system's package manager (the names are Debian's): ${packages.join(' ')}`);
  }
  return missingFor(purpose);
}

function missingFor(purpose) {
  return NEEDS.filter((need) => need.for.includes(purpose) && !isPresent(need));
}

function isPresent(need) {
  if (need.command) return findCommand(need.command) !== undefined;
  if (need.file) return existsSync(need.file);
  if (need.header) return inAnyFolder(['/usr/include', '/usr/local/include'], need.header);
  return inAnyFolder(['/usr/lib', '/lib', '/usr/lib64', '/usr/local/lib'], need.library);
}

/** Looks in the folders and in their multi-architecture ones, such as /usr/include/x86_64-linux-gnu. */
function inAnyFolder(folders, file) {
  return folders.some((folder) => {
    if (existsSync(`${folder}/${file}`)) return true;
    if (!existsSync(folder)) return false;
    return readdirSync(folder).some((name) => name.includes('-linux-') && existsSync(`${folder}/${name}/${file}`));
  });
}

function install(missing) {
  for (const need of missing) doing(`installing ${need.package}`, need.why);
  const packages = missing.map((need) => need.package);
  const services = missing.flatMap((need) => need.service ?? []);
  const allowServices = services.length > 0 ? keepFromStarting(services) : () => {};
  try {
    if (aptInstall(packages).ok) return;
    doing('updating the list of packages', 'it is absent or out of date');
    const updated = aptGet('update');
    if (!updated.ok) warn(`apt-get update failed: is the package mirror within reach?\n${updated.output}`);
    if (aptInstall(packages).ok) return;
    // One unknown package must not keep the others away.
    for (const name of packages) {
      const { ok, output } = aptInstall([name]);
      if (!ok) warn(`${name} could not be installed; to see why: apt-get install ${name}\n${output}`);
    }
  } finally {
    allowServices();
  }
}

function aptInstall(packages) {
  return aptGet('install', '-y', '--no-install-recommends', ...packages);
}

function aptGet(...args) {
  return run('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=120', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_MODE: 'l' },
  });
}

/**
 * Servers are wanted as programs, not as services: Debian asks policy-rc.d before it starts one, and a unit that was
 * enabled on the way would start at the next boot.
 */
function keepFromStarting(services) {
  const policy = '/usr/sbin/policy-rc.d';
  const ours = !existsSync(policy);
  if (ours) {
    writeFileSync(policy, '#!/bin/sh\nexit 101\n');
    chmodSync(policy, 0o755);
  }
  return () => {
    if (ours) rmSync(policy, { force: true });
    if (existsSync('/run/systemd/system')) run('systemctl', ['disable', ...services]);
  };
}
