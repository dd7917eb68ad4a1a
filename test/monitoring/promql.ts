import { CONTROLLER_METRICS } from '../../src/controller/metrics.ts';
import { METRICS } from '../../src/metrics.ts';

/** What the PodMonitor, the operator and Prometheus itself add to every series. */
const TARGET_LABELS = ['job', 'instance', 'namespace', 'pod', 'container', 'node'];

/** Labels by name of series, as the tables of metrics say. */
const LABELS_OF = new Map<string, ReadonlySet<string>>([['up', new Set(TARGET_LABELS)]]);
for (const { name, type, labels } of [...METRICS, ...CONTROLLER_METRICS]) {
  const all = (...more: string[]): Set<string> => new Set([...TARGET_LABELS, ...labels, ...more]);
  if (type !== 'histogram') LABELS_OF.set(name, all());
  else for (const [suffix, more] of [['_bucket', ['le']], ['_sum', []], ['_count', []]] as const) LABELS_OF.set(name + suffix, all(...more));
}

/** Names of the metrics that an expression asks for. */
export function metricsIn(expr: string): string[] {
  return [...new Set([...withoutTexts(expr).matchAll(/\b(shadowtap_\w+|up)\b/g)].map(([, name]) => name!))];
}

/**
 * What an expression, or the names of its series, asks for that no metric has: names of metrics, and labels of selectors, of `by`
 * and `on`, and of legends.
 */
export function unknownIn(expr: string, legend = ''): string[] {
  const bare = withoutTexts(expr);
  const names = metricsIn(expr);
  const unknown = names.filter((name) => !LABELS_OF.has(name));
  for (const [, name, matchers] of bare.matchAll(/\b(shadowtap_\w+|up)\{([^}]*)\}/g)) {
    for (const [, label] of matchers!.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)) {
      if (LABELS_OF.get(name!)?.has(label!) === false) unknown.push(`${name}{${label}}`);
    }
  }
  const all = new Set(names.flatMap((name) => [...(LABELS_OF.get(name) ?? [])]));
  const grouped = [...bare.matchAll(/\b(?:by|on|without|ignoring)\s*\(([^)]*)\)/g)].flatMap(([, list]) => list!.split(',').map((label) => label.trim()));
  const shown = [...legend.matchAll(/\{\{\s*(\w+)\s*\}\}/g)].map(([, label]) => label!);
  return [...unknown, ...[...grouped, ...shown].filter((label) => !all.has(label))];
}

/** What is in quotes is no name. */
function withoutTexts(expr: string): string {
  return expr.replace(/"(?:[^"\\]|\\.)*"/g, '""');
}
