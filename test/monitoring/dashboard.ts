import { readFileSync } from 'node:fs';
import { DAEMONSET } from '../support/kustomize.ts';

/** What of Grafana's JSON model the tests look at. */
export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly templating: { readonly list: readonly Variable[] };
  readonly panels: readonly Panel[];
}

export interface Variable {
  readonly name: string;
  readonly type: string;
  readonly query: string | { readonly query: string };
  readonly regex?: string;
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly legendFormat: string; readonly datasource: { readonly uid: string } }[];
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
}

export const DASHBOARD = JSON.parse(readFileSync(`${DAEMONSET}/monitoring/dashboard.json`, 'utf8')) as Dashboard;

export const PANELS: readonly Panel[] = DASHBOARD.panels.filter(({ type }) => type !== 'row');

/** As Grafana puts them in with *All*, and windows that fit a scrape each second. */
const VALUES: Readonly<Record<string, string>> = { node: '.*', namespace: '.*', policy: '.*', __rate_interval: '10s', __range: '60s' };

/** @throws where a variable is not known */
export function withVariables(expr: string): string {
  return expr.replace(/\$(\w+)/g, (_, name: string) => {
    const value = VALUES[name];
    if (value === undefined) throw new Error(`$${name} is no variable of the dashboard: ${expr}`);
    return value;
  });
}
