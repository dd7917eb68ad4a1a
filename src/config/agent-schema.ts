import { isIP } from 'node:net';
import { LOG_LEVELS } from '../log.ts';
import { durationText } from '../policy/duration-schema.ts';
import { MAX_PORT_NAME, OBJECT_NAME, PORT_NAME, TOKEN } from '../policy/names.ts';
import { DEFAULT_MARKER } from '../policy/router.ts';
import { API_VERSION } from '../policy/schema.ts';
import { LABEL_NAME, LABEL_TEXT } from '../policy/selector-schema.ts';
import { decision, either, integer, list, number, object, optional, ruled, stringMap, text, truth, word, type Immutable, type Static } from '../policy/shape.ts';
import { FINDINGS } from './findings-schema.ts';
import { parseListen } from './listen.ts';

/** Taps that can be asked for by name; see `shadowtap doctor`. */
const TAP_CHOICES = ['auto', 'ebpf:tcx', 'ebpf:cgroup', 'ebpf:clsact', 'pcap'] as const;
export type TapChoice = (typeof TAP_CHOICES)[number];

const MIB = 1 << 20;

const PORT_NUMBER = integer(1, 65_535, { description: 'Port number.', expects: 'a port number from 1 to 65535' });

const ENDPOINT_PORT = either(
  [
    PORT_NUMBER,
    object({
      name: text({ description: 'Name for policies to use.', expects: 'a port name such as http', pattern: PORT_NAME, maxLength: MAX_PORT_NAME }),
      port: PORT_NUMBER,
    }),
  ],
  { description: 'A port.', expects: 'a port number from 1 to 65535, or {name, port}' },
);

const ENDPOINT = ruled(
  object({
    name: text({ description: 'Name for logs and metrics. `namespace/name` puts it into a namespace for `from` of policies; else it is in `default`.', expects: 'a name of 1 to 253 characters', minLength: 1, maxLength: 253 }),
    labels: stringMap(LABEL_NAME, LABEL_TEXT, {
      description: 'Labels for the selectors of policies.',
      expects: 'label names with their values',
      default: {},
    }),
    ports: list(ENDPOINT_PORT, {
      description: 'TCP ports on which the endpoint serves HTTP, as numbers or as `{name, port}`.',
      expects: 'a list of 1 to 64 ports',
      minItems: 1,
      maxItems: 64,
    }),
    netns: optional(
      text({
        description: 'Network namespace: a path, or a name as `ip netns` shows it.',
        expects: 'a path such as /run/netns/shop, or a name that ip netns shows',
        minLength: 1,
      }),
    ),
    pid: optional(
      integer(1, 4_194_304, {
        description: 'A process of the endpoint; its network namespace and its cgroup are tapped.',
        expects: 'the id of a process',
      }),
    ),
    interfaces: optional(
      list(text({ description: 'Name.', expects: 'the name of an interface', pattern: '^[^/\\s]{1,15}$' }), {
        description: 'Interfaces of the namespace. Not given: `eth0` and `lo`, or those that `addresses` need.',
        expects: 'a list of 1 to 16 interfaces',
        minItems: 1,
        maxItems: 16,
      }),
    ),
    cgroup: optional(
      text({
        description: 'Directory of a cgroup v2; the network namespace of its processes is found by it.',
        expects: 'a path such as /sys/fs/cgroup/shop.slice',
        pattern: '^/',
      }),
    ),
    addresses: optional(
      list(
        ruled(text({ description: 'An IP address.', expects: 'an IPv4 or IPv6 address' }), (value) =>
          isIP(value) === 0 ? 'give an IPv4 or IPv6 address' : null,
        ),
        {
          description:
            'Addresses of the endpoint: only their traffic is copied. Alone, they are tapped on the interface of this machine that holds them or routes to them.',
          expects: 'a list of 1 to 16 addresses',
          minItems: 1,
          maxItems: 16,
        },
      ),
    ),
  }),
  ({ netns, pid, interfaces, cgroup, addresses }) => {
    if (netns !== undefined && pid !== undefined) return 'give netns or pid, not both';
    if (netns ?? pid ?? interfaces ?? cgroup ?? addresses) return null;
    return 'say where it is: give netns, pid, interfaces, cgroup or addresses';
  },
);

/** Who may look at the traffic, and what of it. */
const PAGE = object(
  {
    enabled: optional(
      decision('Whether the admin port serves the page. Not given: only where `admin` is an address of this machine alone, such as 127.0.0.1.'),
    ),
    tokenFile: optional(
      text({
        description:
          'File with a secret of at least 16 characters: who has it may see values of the traffic. Not given: who is on this machine, if `admin` is an address of this machine alone.',
        expects: 'a path such as /etc/shadowtap/page-token',
        pattern: '^/',
      }),
    ),
    bodies: truth('Shows contents of answers, redacted as the policy says, up to 16 KiB each; else they are left out. Those of requests are never shown.'),
  },
  { description: 'The page that shows what the agent sees, and who may see values there and in reports; see [page.md](page.md).', default: {} },
);

/** The agent's settings; `run` has flags for some of them. */
export const SETTINGS = {
  tap: word([...TAP_CHOICES], {
    description: 'How packets are copied; `auto` takes the best that the node can do (see `shadowtap doctor`).',
    default: 'auto',
  }),
  workers: integer(1, 64, {
    description: 'Worker threads; each connection belongs to one.',
    expects: 'a number from 1 to 64',
    default: 1,
  }),
  ringBytes: ruled(
    integer(64 * 1024, 1024 * MIB, {
      description: 'Size of the ring between the kernel and each worker.',
      expects: 'a power of two from 65536 to 1073741824',
      default: 8 * MIB,
    }),
    (value) => (Number.isInteger(Math.log2(value)) ? null : 'give a power of two from 65536 to 1073741824'),
  ),
  memoryBytes: integer(4 * MIB, 64 * 1024 * MIB, {
    description: 'What captured traffic may take up in all workers together.',
    expects: 'a number of bytes from 4194304 to 68719476736',
    default: 128 * MIB,
  }),
  admin: ruled(
    text({
      description: 'Where /metrics, /healthz, /readyz and the page are served; `off` for nowhere.',
      expects: 'an address such as 127.0.0.1:9464 or [::1]:9464, or off',
      default: '127.0.0.1:9464',
    }),
    (value) => (value === 'off' || parseListen(value) !== null ? null : 'give an address such as 127.0.0.1:9464 or [::1]:9464, or off'),
  ),
  drainGrace: durationText('0s', '10m', {
    description: 'How long copies under way may take to finish when the agent stops.',
    examples: '5s',
    default: '5s',
  }),
  logLevel: word([...LOG_LEVELS], { description: 'Least level of the lines that are logged.', default: 'info' }),
  cpuBudget: optional(
    number(0.01, 1024, {
      description: 'Cores that the agent may use; beyond it, it mirrors a smaller share, and more again when there is room.',
      expects: 'a number of cores from 0.01 to 1024, such as 0.5',
    }),
  ),
  cpuPressure: optional(
    number(1, 100, {
      description: 'Percent of the time in which some task of the node may wait for a CPU (PSI); beyond it, the agent mirrors a smaller share.',
      expects: 'a number of percent from 1 to 100',
    }),
  ),
  killSwitchFile: optional(
    text({
      description: 'While this file exists, nothing is mirrored; SIGUSR2 switches too.',
      expects: 'a path such as /run/shadowtap/off',
      pattern: '^/',
    }),
  ),
  killSwitchTaps: word(['Keep', 'Detach'], {
    description: 'What becomes of the taps while mirroring is switched off.',
    default: 'Keep',
  }),
  hashKeyFile: optional(
    text({
      description:
        'File with a secret of at least 16 characters, the same for all agents that shall agree: key of the hashes of `redact`, `stickyBy` and `idempotencyKeys`. Not given: hashes of `redact` are the same only within one run of one agent, the others everywhere.',
      expects: 'a path such as /etc/shadowtap/hash-key',
      pattern: '^/',
    }),
  ),
  markerHeader: text({
    description: 'Header that marks copies; a request that bears it is not mirrored again.',
    expects: 'a header name',
    pattern: TOKEN,
    maxLength: 256,
    default: DEFAULT_MARKER,
  }),
};

/** Kinds of routes that the controller can turn into policies. */
export const IMPORTS = ['HTTPRoute', 'GRPCRoute', 'VirtualService'] as const;

/** Where the agent is told by a cluster what to tap. */
const KUBERNETES = object(
  {
    nodeName: optional(
      text({
        description: 'The node whose pods are tapped; not given: the environment variable NODE_NAME.',
        expects: 'the name of a node',
        pattern: OBJECT_NAME,
        maxLength: 253,
      }),
    ),
    kubeconfig: optional(
      text({ description: 'How to reach the cluster; not given: as the service account of the pod.', expects: 'a path of a kubeconfig', pattern: '^/' }),
    ),
    allowExternalTargets: truth('Lets policies send copies out of the cluster: to any `url`, and to Services without a selector.'),
    allowNodeFiles: truth('Lets policies name files of the agents: recordings, and PEM files of `tls`.'),
    proc: text({
      description: 'Where the /proc of the node is, by which pods are found; in a container it shows the node with `hostPID` only.',
      expects: 'a path such as /proc',
      pattern: '^/',
      default: '/proc',
    }),
    cgroups: optional(
      text({
        description: 'Where the cgroup v2 hierarchy of the node is; not given: where one is mounted.',
        expects: 'a path such as /sys/fs/cgroup',
        pattern: '^/',
      }),
    ),
    import: list(word([...IMPORTS], { description: 'A kind of routes.' }), {
      description: 'Routes whose mirroring the controller turns into MirrorPolicies; see docs/import.md.',
      expects: `a list of some of ${IMPORTS.join(', ')}`,
      maxItems: IMPORTS.length,
      uniqueItems: true,
      default: [],
    }),
  },
  { description: 'For agents in a cluster, in place of `endpoints`: pods and policies are those of the cluster.' },
);

/** The agent: its settings, and its endpoints or its cluster. */
export const AGENT = object({
  apiVersion: word([API_VERSION], { description: 'Version of this document.' }),
  kind: word(['Agent'], { description: 'Kind of this document.' }),
  metadata: optional(
    object({ name: text({ description: 'For people.', expects: 'a name', default: 'shadowtap' }) }, { description: 'Names the agent.' }),
  ),
  spec: ruled(
    object(
      {
        ...SETTINGS,
        page: PAGE,
        findings: FINDINGS,
        kubernetes: optional(KUBERNETES),
        endpoints: optional(
          ruled(
            list(ENDPOINT, {
              description: 'What may be tapped.',
              expects: 'a list of 1 to 1024 endpoints',
              minItems: 1,
              maxItems: 1024,
            }),
            (endpoints) => {
              const names = endpoints.map(({ name }) => name);
              const twice = names.find((name, index) => names.indexOf(name) !== index);
              return twice === undefined ? null : `two endpoints are called ${JSON.stringify(twice)}; give each its own name`;
            },
          ),
        ),
      },
      { description: 'Settings, and what is tapped: endpoints, or pods of a cluster.' },
    ),
    ({ endpoints, kubernetes }) => {
      if (endpoints === undefined && kubernetes === undefined) return 'say what to tap: give endpoints, or kubernetes: {} in a cluster';
      return endpoints === undefined || kubernetes === undefined ? null : 'give endpoints or kubernetes, not both';
    },
  ),
});

export type AgentDocument = Immutable<Static<typeof AGENT>>;
export type EndpointEntry = NonNullable<AgentDocument['spec']['endpoints']>[number];
export type KubernetesSettings = NonNullable<AgentDocument['spec']['kubernetes']>;
