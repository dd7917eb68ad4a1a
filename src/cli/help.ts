export const PROGRAM_HELP = `
Examples:
  shadowtap doctor                                        what can this node do?
  shadowtap validate -f examples/standalone.yaml          is this file right?
  shadowtap plan -f examples/standalone.yaml --for 30s    what would be mirrored?
  shadowtap run -f examples/standalone.yaml               mirror until Ctrl-C
  shadowtap replay capture.pcap --to http://127.0.0.1:9090 --speed max
  shadowtap status                                        how does mirroring fare in this cluster?
  shadowtap report                                        does the mirror answer as production does?
  shadowtap top                                           which endpoints are busy, slow, failing?

Exit codes: 0 done, 1 failed while running, 2 a flag, a file or a field is wrong; doctor and gate have their own.
More on a command: shadowtap <command> --help. Policies: docs/policy.md.`;

export const RUN_HELP = `
Flags win over the file. The agent stops on SIGINT or SIGTERM: production is let go at once, copies under way may
finish within drainGrace. A second signal ends it at once. A changed file is taken over by itself, and at SIGHUP; a wrong
one is refused and the old one stays in force. SIGUSR2 switches mirroring off and on again.

A file names endpoints and what to mirror of them:

  apiVersion: shadowtap.dev/v1alpha1
  kind: Agent
  spec:
    endpoints:
      - name: checkout-1
        labels: { app: checkout }
        ports: [8080]
        pid: 4242             # or netns, interfaces, cgroup, addresses
  ---
  apiVersion: shadowtap.dev/v1alpha1
  kind: MirrorPolicy
  metadata: { name: checkout-next }
  spec:
    selector: { matchLabels: { app: checkout } }
    targets:
      - url: http://127.0.0.1:9090

Examples:
  sudo shadowtap run -f config.yaml
  sudo shadowtap run -f config.yaml --tap ebpf:cgroup --workers 2 --admin 127.0.0.1:9900
  curl http://127.0.0.1:9464/metrics`;

export const PLAN_HELP = `
For each policy and target: requests and bytes a second, methods, the most frequent paths; and how many requests would
not be sent, and why. Queues, rates and breakers are not part of a plan: nothing is sent that could fill or open them.

Examples:
  sudo shadowtap plan -f config.yaml
  sudo shadowtap plan -f config.yaml --for 5m -o json`;

export const REPLAY_HELP = `
The file is a capture (pcap, pcapng), a recording of a file target (ndjson, HAR), a HAR file of a browser or proxy, or
a .gor file of GoReplay; its content tells which. What is damaged in it is left out and counted.

With --dry-run each request is printed as one JSON object on a line, in order of completion; the summary goes to
standard error. With --policy as well, each copy is printed as its target would get it, rewritten and redacted.

With --policy the policies' selectors are left aside: a file has no labels. With --port only requests to these ports
count; of .gor files the port is that of the Host header, or 80.

Examples:
  shadowtap replay capture.pcap --dry-run | head
  shadowtap replay capture.pcapng --to http://127.0.0.1:9090 --speed 2x --port 8080
  shadowtap replay capture.pcap --policy examples/policies.yaml --speed max
  shadowtap replay requests_0.gor --to http://127.0.0.1:9090 --speed 2x`;

export const DOCTOR_HELP = `
Exit codes: 0 an eBPF tap can be used, 1 only the pcap tap can, 3 no tap can; with --cluster that of the worst node, and
1 where an agent does not answer.

Examples:
  sudo shadowtap doctor
  sudo shadowtap doctor -o json
  shadowtap doctor --cluster`;

export const VALIDATE_HELP = `
Each document is checked by itself and reported on a line with file, line and field. Exit codes: 0 all are right,
2 at least one is wrong.

Examples:
  shadowtap validate -f config.yaml
  shadowtap validate -f examples/standalone.yaml examples/policies.yaml`;

export const STATUS_HELP = `
Rates are those of the time given by --for; counts are those of the agents that run now, since each was started. It needs
to list pods and get pods/proxy in the agents' namespace, and to list mirrorpolicies. Exit code 1: an agent does not answer.

Examples:
  shadowtap status
  shadowtap status -n shop --by node
  shadowtap status -o json | jq '.problems'`;

export const REPORT_HELP = `
For each policy with the field \`compare\`: what was compared since the agents, or the policy, began; what differs and what
is noise, and why; errors; latency; and a verdict whose rules docs/compare.md tells. Without --admin all agents of the cluster
are asked, through its API server, and judged together. Exit code 1: an agent does not answer.

Examples:
  shadowtap report --admin 127.0.0.1:9464
  shadowtap report -p shop/checkout-next -o html > report.html`;

export const GATE_HELP = `
Only what is compared while it watches counts. What is noise is known from before, too. It waits up to 30 seconds for agents to hear
of the policy, and ends early where the mirror surely differs. docs/compare.md has examples for pipelines.

Exit codes: 0 looks safe, 1 an agent does not answer or it was stopped, 2 a flag is wrong or no agent knows the policy,
4 differs, 5 too little data.

Examples:
  shadowtap gate --policy shop/checkout-next --for 10m --max-diff 0.1%
  shadowtap gate -p shop/checkout-next --for 2m -o junit > gate.xml`;

export const TOP_HELP = `
Pods are observed where a MirrorPolicy that selects them has \`observe: true\`; docs/observe.md says what is measured, and how exactly.
Rates and requests under way are those of the last ten seconds, all else is since the pod's agent began. It needs to list pods and
get pods/proxy in the agents' namespace, or with --admin nothing. Exit code 1: an agent does not answer.

Examples:
  shadowtap top
  shadowtap top -n shop --by slowest --limit 30
  shadowtap top --admin 127.0.0.1:9464 -o json | jq '.saturated'`;

export const FINDINGS_HELP = `
Attacks and faults in the traffic of pods with \`observe: true\`; docs/findings.md tells of each rule. Without --admin all agents
of a cluster are asked, as status does. Exit code 1: an agent does not answer.

Examples:
  shadowtap findings
  shadowtap findings -n shop --min-severity medium
  shadowtap findings --admin 127.0.0.1:9464 -o json | jq '.findings[].rule'`;

export const CONTROLLER_HELP = `
One in a cluster, as daemonset/ deploys it; of several, one writes at a time. Agents mirror without it.

  apiVersion: shadowtap.dev/v1alpha1
  kind: Agent
  spec:
    admin: 0.0.0.0:9464
    kubernetes: {}            # allowExternalTargets, allowNodeFiles, import: [HTTPRoute, GRPCRoute, VirtualService]

Examples:
  shadowtap controller -f agent.yaml
  shadowtap controller -f agent.yaml --log-level debug`;
