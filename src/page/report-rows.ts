import type { EndpointReport, PolicyReport, Report } from '../compare/report.ts';

/** An endpoint of the report, with a name that stands for it in the page. */
export interface ReportRow {
  readonly key: string;
  readonly policy: PolicyReport;
  readonly endpoint: EndpointReport;
}

export function endpointsOf(report: Report | null): ReportRow[] {
  return (report?.policies ?? []).flatMap((policy) =>
    policy.endpoints.map((endpoint) => ({ key: rowKey(policy.policy, policy.target, endpoint.method, endpoint.template), policy, endpoint })),
  );
}

export function rowKey(policy: string, target: string, method: string, template: string): string {
  return JSON.stringify([policy, target, method, template]);
}
