import { isPattern, quoted, valueFits, type Match, type ValueMatch } from './match.ts';
import { shown, type Problem } from './imported-policy.ts';

/** A host that a route takes requests for. */
export interface RouteHost {
  /** A name, or `*.` and the end of names. */
  readonly name: string;
  /** What may stand behind it in `Host`; null: any port or none. */
  readonly port: number | null;
}

/** Patterns for the header `Host`, one of which must fit; null: every host. */
export type HostPatterns = readonly string[] | null;

const HTTP_PORT = 80;
/** A name of RFC 1123, or an address in text form. */
const NAME = /^(?:\*\.)?[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?$/i;

/**
 * As few patterns as take all hosts: each is bounded in size, and each costs the policy a match.
 * @param problems gets the hosts that cannot be expressed
 */
export function hostPatterns(hosts: readonly RouteHost[], problems: Problem[]): string[] {
  const patterns: string[] = [];
  let choices: string[] = [];
  for (const host of hosts) {
    const choice = NAME.test(host.name) ? choiceOf(host) : '';
    if (choice === '' || !isPattern(anyOf([choice]))) {
      problems.push({ reason: 'UnsupportedHost', message: `host ${shown(host.name)} cannot be expressed; its requests are not mirrored` });
      continue;
    }
    if (!isPattern(anyOf([...choices, choice]))) {
      patterns.push(anyOf(choices));
      choices = [];
    }
    choices.push(choice);
  }
  return choices.length === 0 ? patterns : [...patterns, anyOf(choices)];
}

/** Names of hosts are compared in any case (RFC 9110 section 4.2.3). */
function anyOf(choices: readonly string[]): string {
  return choices.length === 1 ? `(?i)${choices[0]!}` : `(?i)(?:${choices.join('|')})`;
}

function choiceOf({ name, port }: RouteHost): string {
  const text = name.startsWith('*.') ? `[^:]+${quoted(name.slice(1))}` : quoted(name);
  if (port === null) return `${text}(?::[0-9]+)?`;
  return port === HTTP_PORT ? `${text}(?::80)?` : `${text}:${port}`;
}

/** The condition that the header `Host` is this host, whatever the port. */
export function isHost(name: string): ValueMatch | null {
  const [pattern] = hostPatterns([{ name, port: null }], []);
  return pattern === undefined ? null : { name: 'Host', type: 'RegularExpression', value: pattern };
}

export function hostCondition(match: Match): ValueMatch | undefined {
  return match.headers?.find(({ name }) => name.toLowerCase() === 'host');
}

/**
 * The match for requests to these hosts only: several where the hosts need several patterns, none where no request can
 * fit; null where it has a pattern for the host itself, for then two would have to hold at once.
 */
export function withHosts(match: Match, hosts: HostPatterns): Match[] | null {
  if (hosts === null) return [match];
  const own = hostCondition(match);
  const conditions = hosts.map((value): ValueMatch => ({ name: 'Host', type: 'RegularExpression', value }));
  if (own === undefined) return conditions.map((host) => ({ ...match, headers: [host, ...(match.headers ?? [])] }));
  if (own.type !== 'Exact') return null;
  return conditions.some((host) => valueFits(own.value, host)) ? [match] : [];
}

/** The names by which clients in a cluster call a Service. */
export function serviceHosts(namespace: string, name: string, clusterDomain: string): string[] {
  return [name, `${name}.${namespace}`, `${name}.${namespace}.svc`, `${name}.${namespace}.svc.${clusterDomain}`];
}
