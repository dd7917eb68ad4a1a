import { single, watchMetrics, type MetricRow } from '../metrics.ts';
import type { WatchStats } from '../stats.ts';

/** What the controller knows of itself at one moment. */
export interface ControllerStats {
  readonly version: string;
  readonly leading: boolean;
  readonly agents: { readonly all: number; readonly answering: number };
  readonly conditions: readonly { readonly policy: string; readonly type: string; readonly status: string; readonly reason: string }[];
  readonly statusWrites: number;
  readonly events: number;
  readonly imported: number;
  readonly watches: readonly WatchStats[];
}

export const CONTROLLER_METRICS: readonly MetricRow<ControllerStats>[] = [
  single('shadowtap_controller_leading', 'gauge', '1 where this controller writes; of several, one does.', (s) => (s.leading ? 1 : 0)),
  single('shadowtap_agents', 'gauge', 'Pods of agents.', (s) => s.agents.all),
  single('shadowtap_agents_answering', 'gauge', 'Agents that answered when they were asked last.', (s) => s.agents.answering),
  {
    name: 'shadowtap_policy_condition',
    type: 'gauge',
    help: '1 where a condition of a policy is True, 0 where it is not, with the reason.',
    labels: ['policy', 'type', 'reason'],
    samples: (s) => s.conditions.map(({ policy, type, status, reason }) => ({ labels: { policy, type, reason }, value: status === 'True' ? 1 : 0 })),
  },
  single('shadowtap_status_writes_total', 'counter', 'Statuses of policies written.', (s) => s.statusWrites),
  single('shadowtap_events_total', 'counter', 'Kubernetes Events written.', (s) => s.events),
  single('shadowtap_imported_policies', 'gauge', 'Policies that stand for rules of routes.', (s) => s.imported),
  ...watchMetrics<ControllerStats>((s) => s.watches),
];
