import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config.ts';
import { VERSION } from '../../src/version.ts';
import { build, DAEMONSET, find, workload, type Container, type KubeObject, type PodSpec, type Workload } from '../support/kustomize.ts';

const OVERLAYS = readdirSync(`${DAEMONSET}/overlays`);
const COMPONENTS = [...readdirSync(`${DAEMONSET}/components`).map((name) => `components/${name}`), 'monitoring'];
const NAMESPACE = 'shadowtap-system';

/** Each overlay alone, with each component, and with all. */
const COMBINATIONS = OVERLAYS.flatMap((overlay) =>
  [[], ...COMPONENTS.map((component) => [component]), COMPONENTS].map((components) => ({ overlay, components })));

function buildWith({ overlay, components }: { overlay: string; components: readonly string[] }): KubeObject[] {
  if (components.length === 0) return build(`${DAEMONSET}/overlays/${overlay}`);
  const folder = mkdtempSync(join(tmpdir(), 'shadowtap-kustomize-'));
  try {
    const from = relative(folder, DAEMONSET);
    const kustomization = { resources: [`${from}/overlays/${overlay}`], components: components.map((name) => `${from}/${name}`) };
    // JSON is YAML.
    writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization));
    return build(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function workloads(objects: readonly KubeObject[]): Workload[] {
  return [workload(objects, 'DaemonSet', 'shadowtap'), workload(objects, 'Deployment', 'shadowtap-controller')];
}

function podOf({ spec }: Workload): PodSpec {
  return spec.template.spec;
}

function containerOf(pod: PodSpec): Container {
  expect(pod.containers).toHaveLength(1);
  return pod.containers[0]!;
}

const OBJECTS = [
  'ClusterRole shadowtap-agent', 'ClusterRole shadowtap-controller', 'ClusterRole shadowtap-status', 'ClusterRoleBinding shadowtap-agent', 'ClusterRoleBinding shadowtap-controller',
  'ConfigMap shadowtap', 'CustomResourceDefinition mirrorpolicies.shadowtap.dev', 'DaemonSet shadowtap', 'Deployment shadowtap-controller',
  'Namespace shadowtap-system', 'NetworkPolicy shadowtap', 'PriorityClass shadowtap', 'Role shadowtap-controller', 'Role shadowtap-status',
  'RoleBinding shadowtap-controller', 'Service shadowtap', 'ServiceAccount shadowtap-agent', 'ServiceAccount shadowtap-controller',
];
const OF_COMPONENT: Readonly<Record<string, readonly string[]>> = {
  'components/import': ['ClusterRole shadowtap-import', 'ClusterRoleBinding shadowtap-import'],
  'components/prometheus': ['PodMonitor shadowtap'],
  monitoring: ['ConfigMap shadowtap-dashboard', 'PrometheusRule shadowtap'],
};
const CLUSTER_WIDE = ['ClusterRole', 'ClusterRoleBinding', 'CustomResourceDefinition', 'Namespace', 'PriorityClass'];

describe.each(COMBINATIONS)('overlay $overlay with $components', (combination) => {
  const objects = buildWith(combination);

  it('has every object once, in its namespace, and nothing else', () => {
    const names = objects.map(({ kind, metadata: { name } }) => `${kind} ${kind === 'ConfigMap' ? name.replace(/-\w{10}$/, '') : name}`);
    expect(names.toSorted()).toEqual([...OBJECTS, ...combination.components.flatMap((name) => OF_COMPONENT[name] ?? [])].toSorted());
    for (const { kind, metadata } of objects) expect(metadata.namespace, kind).toBe(CLUSTER_WIDE.includes(kind) ? undefined : NAMESPACE);
    for (const { metadata } of objects) expect(metadata.labels).toMatchObject({ 'app.kubernetes.io/part-of': 'shadowtap' });
  });

  it('gives the pods the labels that their selectors, the Service and the network policy ask for', () => {
    for (const { spec } of workloads(objects)) expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
    const [agent, controller] = workloads(objects).map(({ spec }) => spec.template.metadata.labels);
    expect(agent!['app.kubernetes.io/component']).not.toBe(controller!['app.kubernetes.io/component']);
    const service = find(objects, 'Service', 'shadowtap')['spec'] as { readonly selector: object; readonly clusterIP: string };
    expect(agent).toMatchObject(service.selector);
    expect(controller).not.toMatchObject(service.selector);
    expect(service.clusterIP).toBe('None');
    const policy = find(objects, 'NetworkPolicy', 'shadowtap')['spec'] as { readonly podSelector: { readonly matchLabels: object } };
    for (const labels of [agent, controller]) expect(labels).toMatchObject(policy.podSelector.matchLabels);
  });

  it('refers only to what is there: images, accounts, classes, volumes, ports', () => {
    for (const object of workloads(objects)) {
      const pod = podOf(object);
      const container = containerOf(pod);
      expect(container.image).toBe(`shadowtap:${VERSION}`);
      find(objects, 'ServiceAccount', pod.serviceAccountName);
      if (pod.priorityClassName !== undefined) find(objects, 'PriorityClass', pod.priorityClassName);
      for (const { configMap } of pod.volumes) if (configMap !== undefined) find(objects, 'ConfigMap', configMap.name);
      expect(container.volumeMounts.map(({ name }) => name).toSorted()).toEqual(pod.volumes.map(({ name }) => name).toSorted());
      const { startupProbe, livenessProbe, readinessProbe } = container;
      for (const probe of [startupProbe, livenessProbe, readinessProbe]) {
        if (probe !== undefined) expect(container.ports.map(({ name }) => name)).toContain(probe.httpGet.port);
      }
      for (const kind of ['requests', 'limits'] as const) expect(Object.keys(container.resources[kind]).toSorted()).toEqual(['cpu', 'memory']);
    }
  });

  it('serves the admin port where the manifests say', () => {
    const map = objects.find(({ kind, metadata: { name } }) => kind === 'ConfigMap' && /^shadowtap-\w{10}$/.test(name));
    const { kind, spec } = parse((map!['data'] as Record<string, string>)['agent.yaml']!) as { kind: string; spec: { admin: string; cpuBudget: number } };
    expect(kind).toBe('Agent');
    for (const object of workloads(objects)) {
      const container = containerOf(podOf(object));
      expect(container.ports).toEqual([{ name: 'admin', containerPort: Number(spec.admin.split(':').at(-1)) }]);
      expect(container.args).toContain('/etc/shadowtap/agent.yaml');
    }
    const { limits } = containerOf(podOf(workload(objects, 'DaemonSet', 'shadowtap'))).resources;
    expect(spec.cpuBudget).toBeLessThan(Number(limits.cpu));
  });

  it('privileges nobody, writes to no root and to no folder of the node', () => {
    for (const object of workloads(objects)) {
      const pod = podOf(object);
      const { securityContext, volumeMounts } = containerOf(pod);
      expect(securityContext.privileged ?? false).toBe(false);
      expect(securityContext.readOnlyRootFilesystem).toBe(true);
      expect(securityContext.capabilities?.drop).toEqual(['ALL']);
      expect(pod.securityContext.seccompProfile).toEqual({ type: 'RuntimeDefault' });
      expect(pod.hostNetwork ?? false).toBe(false);
      expect(pod.hostIPC ?? false).toBe(false);
      for (const mount of volumeMounts) expect(mount, mount.name).toMatchObject({ readOnly: true });
    }
  });

  it('holds the controller to what `restricted` asks for', () => {
    const pod = podOf(workload(objects, 'Deployment', 'shadowtap-controller'));
    const { securityContext } = containerOf(pod);
    expect(pod.hostPID ?? false).toBe(false);
    expect(pod.volumes.filter(({ configMap }) => configMap === undefined)).toEqual([]);
    expect({ ...pod.securityContext, ...securityContext }).toMatchObject({ runAsNonRoot: true, allowPrivilegeEscalation: false });
    expect(pod.securityContext.runAsUser).toBeGreaterThan(0);
    expect(securityContext.capabilities).toEqual({ drop: ['ALL'] });
  });

  it('runs an agent on every node, never two on one, and lets it drain', () => {
    const { spec } = workload(objects, 'DaemonSet', 'shadowtap');
    expect(spec.template.spec.tolerations).toEqual([{ operator: 'Exists' }]);
    expect(spec.updateStrategy?.rollingUpdate?.['maxSurge'] ?? 0).toBe(0);
    expect(spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(10);
  });
});

describe('the component page-token', () => {
  it('gives the token to the agents and to nobody else', () => {
    const [agent, controller] = workloads(buildWith({ overlay: 'default', components: ['components/page-token'] })).map(podOf);
    expect(agent!.volumes).toContainEqual({ name: 'page-token', secret: { secretName: 'shadowtap-page', defaultMode: 0o400 } });
    expect(containerOf(agent!).volumeMounts).toContainEqual({ name: 'page-token', mountPath: '/etc/shadowtap-page', readOnly: true });
    expect(JSON.stringify(controller)).not.toContain('page-token');
  });
});

describe('the component monitoring', () => {
  it("brings the dashboard as Grafana's sidecar looks for it", () => {
    const { metadata, data } = find(buildWith({ overlay: 'default', components: ['monitoring'] }), 'ConfigMap', 'shadowtap-dashboard') as KubeObject & { readonly data: Readonly<Record<string, string>> };
    expect(metadata.labels).toMatchObject({ grafana_dashboard: '1' });
    expect(Object.keys(data)).toEqual(['shadowtap.json']);
    expect(data['shadowtap.json']).toBe(readFileSync(`${DAEMONSET}/monitoring/dashboard.json`, 'utf8'));
    // What `kubectl apply` keeps of an object in an annotation has a bound.
    expect(JSON.stringify(data).length).toBeLessThan(200_000);
  });
});

describe('the configuration of the base', () => {
  it('has settings to uncomment, for a webhook and the page, that are right', () => {
    const folder = mkdtempSync(join(tmpdir(), 'shadowtap-config-'));
    try {
      const text = readFileSync(`${DAEMONSET}/base/config/agent.yaml`, 'utf8').replaceAll(/# (?=findings:|page:)/g, '').replaceAll(/\/etc\/shadowtap-(?:webhook|page)/g, folder);
      writeFileSync(join(folder, 'headers'), 'Authorization: Bearer x\n', { mode: 0o600 });
      writeFileSync(join(folder, 'token'), 'a-token-of-some-length\n', { mode: 0o600 });
      writeFileSync(join(folder, 'agent.yaml'), text);
      const { settings } = loadConfig(join(folder, 'agent.yaml'));
      expect(settings.findings.webhook).toMatchObject({ url: 'https://hooks.example/shadowtap', minSeverity: 'medium' });
      expect(settings.page).toMatchObject({ enabled: true, token: 'a-token-of-some-length' });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('is taken by agent and controller as it is, and the agent finds its node in the environment', () => {
    const { settings, kubernetes, endpoints } = loadConfig(`${DAEMONSET}/base/config/agent.yaml`);
    expect(settings).toMatchObject({ tap: 'auto', admin: { host: '0.0.0.0', port: 9464 }, cpuBudget: 0.8 });
    expect(kubernetes).toMatchObject({ allowExternalTargets: false, allowNodeFiles: false, import: [] });
    expect([kubernetes?.nodeName, endpoints]).toEqual([undefined, []]);
    const { env = [] } = containerOf(podOf(workload(build(`${DAEMONSET}/overlays/default`), 'DaemonSet', 'shadowtap')));
    expect(env).toEqual([{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }]);
  });
});

describe('the agent of an overlay', () => {
  it.each([
    ['default', { hostPID: true, mounts: ['/etc/shadowtap', '/sys/fs/cgroup'], add: ['NET_ADMIN', 'SYS_ADMIN', 'SYS_PTRACE'], escalation: true }],
    ['cgroup', { hostPID: false, mounts: ['/etc/shadowtap', '/sys/fs/cgroup'], add: ['BPF', 'NET_ADMIN', 'PERFMON'], escalation: false }],
    ['pcap', { hostPID: true, mounts: ['/etc/shadowtap'], add: ['NET_RAW', 'SYS_ADMIN', 'SYS_PTRACE'], escalation: true }],
  ])('%s has exactly this', (overlay, expected) => {
    const pod = podOf(workload(build(`${DAEMONSET}/overlays/${overlay}`), 'DaemonSet', 'shadowtap'));
    const { securityContext, volumeMounts } = containerOf(pod);
    expect({
      hostPID: pod.hostPID ?? false,
      mounts: volumeMounts.map(({ mountPath }) => mountPath).toSorted(),
      add: securityContext.capabilities?.add?.toSorted(),
      escalation: securityContext.allowPrivilegeEscalation,
    }).toEqual(expected);
  });

  it.each(OVERLAYS)('%s has a comment for each capability that names the system call, and README a row', (overlay) => {
    const lines = readFileSync(`${DAEMONSET}/overlays/${overlay}/privileges.yaml`, 'utf8').split('\n');
    const readme = readFileSync(`${DAEMONSET}/README.md`, 'utf8');
    const added = lines.flatMap((line, i) => (/^ +- [A-Z_]+$/.test(line) ? [{ name: line.trim().slice(2), before: lines[i - 1] ?? '', i }] : []));
    expect(added.length).toBeGreaterThan(0);
    for (const { name, i } of added) {
      let start = i;
      while (lines[start - 1]?.trim().startsWith('#') === true) start--;
      expect(lines.slice(start, i).join(' '), name).toMatch(/\b[a-z]+\(\d\)/);
      expect(readme).toMatch(new RegExp(`^\\| \`${name}\` \\|`, 'm'));
    }
  });
});

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** One line for each group, resource and set of verbs. */
function rights(objects: readonly KubeObject[], kind: string, name: string): string[] {
  const rules = find(objects, kind, name)['rules'] as readonly Rule[];
  return rules.flatMap(({ apiGroups, resources, resourceNames = [], verbs }) =>
    apiGroups.flatMap((group) => resources.map((resource) =>
      `${[...verbs].sort().join(',')} ${group === '' ? '' : `${group}/`}${resource}${resourceNames.length > 0 ? ` ${resourceNames.join(',')}` : ''}`))).toSorted();
}

describe('RBAC', () => {
  const objects = buildWith({ overlay: 'default', components: COMPONENTS });

  it('lets agents read, and nothing else', () => {
    expect(rights(objects, 'ClusterRole', 'shadowtap-agent')).toEqual([
      'list,watch discovery.k8s.io/endpointslices',
      'list,watch gateway.networking.k8s.io/referencegrants',
      'list,watch namespaces',
      'list,watch pods',
      'list,watch services',
      'list,watch shadowtap.dev/mirrorpolicies',
    ]);
  });

  it('lets the controller write states, Events and its lease', () => {
    expect(rights(objects, 'ClusterRole', 'shadowtap-controller')).toEqual([
      'create events.k8s.io/events',
      'list,watch discovery.k8s.io/endpointslices',
      'list,watch gateway.networking.k8s.io/referencegrants',
      'list,watch services',
      'list,watch shadowtap.dev/mirrorpolicies',
      'patch shadowtap.dev/mirrorpolicies/status',
    ]);
    expect(rights(objects, 'Role', 'shadowtap-controller')).toEqual([
      'create coordination.k8s.io/leases',
      'get,update coordination.k8s.io/leases shadowtap-controller',
      'list,watch pods',
    ]);
  });

  it('lets people read what `status` shows', () => {
    expect(rights(objects, 'Role', 'shadowtap-status')).toEqual(['get pods/proxy', 'list pods']);
    expect(rights(objects, 'ClusterRole', 'shadowtap-status')).toEqual(['list shadowtap.dev/mirrorpolicies']);
  });

  it('lets the controller write policies only where routes are imported, which it is told to do then', () => {
    const controllers = [objects, build(`${DAEMONSET}/overlays/default`)].map((built) => containerOf(podOf(workload(built, 'Deployment', 'shadowtap-controller'))));
    expect(controllers.map(({ args = [] }) => args.includes('--import'))).toEqual([true, false]);
    expect(rights(objects, 'ClusterRole', 'shadowtap-import')).toEqual([
      'create,delete,patch shadowtap.dev/mirrorpolicies',
      'list,watch gateway.networking.k8s.io/grpcroutes',
      'list,watch gateway.networking.k8s.io/httproutes',
      'list,watch networking.istio.io/virtualservices',
    ]);
  });

  it('binds each role to its own account, and the one for people to nobody', () => {
    const bindings = objects.filter(({ kind }) => kind.endsWith('Binding')).map((binding) => {
      const { roleRef, subjects } = binding as KubeObject & { roleRef: { kind: string; name: string }; subjects: { name: string; namespace: string }[] };
      return `${roleRef.kind} ${roleRef.name}: ${subjects.map(({ namespace, name }) => `${namespace}/${name}`).join(' ')}`;
    });
    expect(bindings.toSorted()).toEqual([
      'ClusterRole shadowtap-agent: shadowtap-system/shadowtap-agent',
      'ClusterRole shadowtap-controller: shadowtap-system/shadowtap-controller',
      'ClusterRole shadowtap-import: shadowtap-system/shadowtap-controller',
      'Role shadowtap-controller: shadowtap-system/shadowtap-controller',
    ]);
  });
});
