import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { DAEMONSET } from '../support/kustomize.ts';

export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string; readonly runbook_url: string };
}

interface PrometheusRule {
  readonly spec: { readonly groups: readonly { readonly name: string; readonly rules: readonly Alert[] }[] };
}

const { spec } = parse(readFileSync(`${DAEMONSET}/monitoring/alerts.yaml`, 'utf8')) as PrometheusRule;

/** As the operator hands it to Prometheus. */
export const RULES_FILE: string = JSON.stringify(spec);

export const ALERTS: readonly Alert[] = spec.groups.flatMap(({ rules }) => rules);

/** @throws where there is none */
export function alertOf(name: string): Alert {
  const alert = ALERTS.find((one) => one.alert === name);
  if (alert === undefined) throw new Error(`there is no alert ${name}`);
  return alert;
}
