import type { ServiceFacts, ServicePort } from '../objects.ts';
import type { Problem } from './imported-policy.ts';

/** Pods behind a Service, and the ports of theirs that it leads to. */
export interface Pods {
  readonly namespace: string;
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly (number | string)[];
}

/** The pods of a backend as far as they are known, and why it is not right. */
export interface FoundPods {
  readonly pods: Pods | null;
  readonly problem: Problem | null;
}

/** Nobody gets these requests. */
export const NO_PODS: Pods = { namespace: '', selector: {}, ports: [] };

/** @returns the pods, or why they are not known */
export function podsOf(service: ServiceFacts, ports: readonly ServicePort[]): Pods | Problem {
  const { namespace, name, type, selector } = service;
  if (type === 'ExternalName') {
    return { reason: 'ExternalName', message: `Service ${namespace}/${name} is an ExternalName: it has no pods` };
  }
  if (selector === null || Object.keys(selector).length === 0) {
    return { reason: 'NoSelector', message: `Service ${namespace}/${name} has no selector: its pods are not known` };
  }
  return { namespace, selector, ports: [...new Set(ports.map(({ targetPort }) => targetPort))] };
}

/**
 * The port of a Service that takes HTTP in plain text.
 * @returns the port, or why there is none
 */
export function portOf({ namespace, name, ports }: ServiceFacts, number: number): ServicePort | Problem {
  const port = ports.find((candidate) => candidate.port === number && isTcp(candidate));
  if (port === undefined) return { reason: 'PortNotFound', message: `Service ${namespace}/${name} has no TCP port ${number}` };
  return /^(?:https|tls)$/i.test(port.appProtocol)
    ? { reason: 'Encrypted', message: `port ${number} of Service ${namespace}/${name} speaks TLS (appProtocol ${port.appProtocol})` }
    : port;
}

export function isTcp({ protocol }: ServicePort): boolean {
  return protocol === '' || protocol === 'TCP';
}

/** Whether a request to one may arrive at the same port of the same pod as a request to the other; null: not known, any. */
export function mayShare(a: Pods | null, b: Pods | null): boolean {
  if (a === null || b === null) return true;
  if (a.namespace !== b.namespace || contradict(a.selector, b.selector)) return false;
  return a.ports.some((one) => b.ports.some((other) => one === other || typeof one !== typeof other));
}

function contradict(a: Pods['selector'], b: Pods['selector']): boolean {
  return Object.entries(a).some(([label, value]) => Object.hasOwn(b, label) && b[label] !== value);
}

/** Whether they are the same ports of the same pods. */
export function same(a: Pods, b: Pods): boolean {
  const labels = Object.keys(a.selector);
  return (
    a.namespace === b.namespace &&
    labels.length === Object.keys(b.selector).length &&
    labels.every((label) => a.selector[label] === b.selector[label]) &&
    a.ports.length === b.ports.length &&
    a.ports.every((port) => b.ports.includes(port))
  );
}
