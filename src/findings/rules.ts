import type { Severity } from './data.ts';

interface Rule {
  readonly severity: Severity;
  /** What it means, for people, in a line. */
  readonly sees: string;
}

/** Every rule there is. docs/findings.md has a section for each: why, how precise, what to do. */
export const RULES = {
  'request-flood': { severity: 'high', sees: 'an endpoint gets many times the requests that it is used to' },
  'source-flood': { severity: 'medium', sees: 'one client sends many times what the busiest client is used to send' },
  'path-scan': { severity: 'medium', sees: 'one client asks for many different paths, and is mostly told that they are not there or not for it' },
  'id-scan': { severity: 'low', sees: 'one client goes through the ids of one kind of things, and is mostly told that they are not there or not for it' },
  'host-scan': { severity: 'low', sees: 'one client is refused under many different Hosts' },
  fuzzing: { severity: 'medium', sees: 'one client provokes errors of the server with many different requests, while others get none' },
  'credential-stuffing': { severity: 'high', sees: 'many logins fail' },
  'credential-guessing': { severity: 'high', sees: 'one client is refused with many different credentials' },
  'request-smuggling': { severity: 'high', sees: 'a request whose end two servers would find at different places' },
  'ambiguous-head': { severity: 'low', sees: 'a head with white space or line ends that some servers take and others do not' },
  'protocol-violation': { severity: 'low', sees: 'a request that is not valid HTTP' },
  'oversized-head': { severity: 'low', sees: 'a request head larger than usual servers take' },
  'unusual-method': { severity: 'low', sees: 'a method for debugging, or one that the server refuses' },
  'path-traversal': { severity: 'medium', sees: 'a path or parameter that climbs out of its folder, or names a system file' },
  'sql-injection': { severity: 'medium', sees: 'SQL where a value belongs' },
  'script-injection': { severity: 'medium', sees: 'a script where a value belongs' },
  'command-injection': { severity: 'medium', sees: 'a shell command where a value belongs' },
  'code-injection': { severity: 'high', sees: 'an expression that template engines, loggers or frameworks would evaluate' },
  'metadata-access': { severity: 'high', sees: "a parameter that would make the server ask its cloud's metadata service" },
  'sensitive-file': { severity: 'low', sees: 'a request for a file that is never meant to be public' },
  'exposed-file': { severity: 'high', sees: 'such a file was handed out' },
  'scanner-agent': { severity: 'low', sees: 'a client that calls itself a vulnerability scanner' },
  'secret-in-url': { severity: 'medium', sees: 'a secret in a URL, from where it gets into logs and histories' },
} as const satisfies Readonly<Record<string, Rule>>;

export type RuleId = keyof typeof RULES;

/** @param rule of an agent of another version it may be one that is not known here */
export function severityOf(rule: string): Severity {
  return Object.hasOwn(RULES, rule) ? RULES[rule as RuleId].severity : 'info';
}

/** From the least to the most. */
export const SEVERITIES: readonly Severity[] = ['info', 'low', 'medium', 'high'];
