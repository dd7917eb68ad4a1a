import type { RuleId } from '../rules.ts';
import type { SourceWatch } from './source-watch.ts';

/** What the answers to one source give away, in one epoch. */
export interface SourceRule {
  readonly rule: RuleId;
  readonly holds: (source: SourceWatch) => boolean;
  readonly evidence: (source: SourceWatch) => string;
}

/** Looked at when something was denied. Old links and moved pages are denied to people, too: to them most is not. */
export const DENIED_RULES: readonly SourceRule[] = [
  {
    rule: 'path-scan',
    holds: ({ denied, answered, deniedPaths }) => denied >= 25 && denied >= answered * 0.7 && deniedPaths >= 20,
    evidence: ({ denied, answered, deniedPaths }) => `${denied} of ${answered} answers denied, for about ${deniedPaths} different paths`,
  },
  {
    rule: 'id-scan',
    holds: ({ denied, answered, deniedIds }) => denied >= 60 && denied >= answered * 0.7 && deniedIds >= 50,
    evidence: ({ denied, answered, deniedIds }) => `${denied} of ${answered} answers denied, for about ${deniedIds} different ids`,
  },
  {
    rule: 'host-scan',
    holds: ({ denied, answered, deniedHosts }) => denied >= 15 && denied >= answered * 0.7 && deniedHosts >= 12,
    evidence: ({ denied, answered, deniedHosts }) => `${denied} of ${answered} answers denied, under about ${deniedHosts} different Hosts`,
  },
];

/** What others must be spared for an error to be the source's own doing: their share of faults. */
const SPARED = 0.02;
/** Fewer answers to others say nothing. */
const LEAST_OTHERS = 50;

export const FAULT_RULES: readonly SourceRule[] = [
  {
    rule: 'fuzzing',
    holds: ({ faults, answered, faultTargets, endpoint }) => {
      const others = endpoint.answered - answered;
      return faults >= 10 && faults >= answered * 0.1 && faultTargets >= 8 && others >= LEAST_OTHERS && endpoint.faults - faults <= others * SPARED;
    },
    evidence: ({ faults, answered, faultTargets }) => `${faults} of ${answered} answers are errors of the server, for about ${faultTargets} different targets, and others get none`,
  },
];

/** A client that has lost its credentials repeats one login: its length stays. People who mistype mostly get in. */
export const LOGIN_RULES: readonly SourceRule[] = [
  {
    rule: 'credential-stuffing',
    holds: ({ failedLogins, logins, loginLengths, refusedCredentials }) => failedLogins >= 20 && failedLogins >= logins * 0.8 && (loginLengths >= 4 || refusedCredentials >= 10),
    evidence: ({ failedLogins, logins }) => `${failedLogins} of ${logins} logins failed, with different credentials`,
  },
];

export const REFUSED_RULES: readonly SourceRule[] = [
  {
    rule: 'credential-guessing',
    holds: ({ refused, credentialed, refusedCredentials }) => refused >= 20 && refused >= credentialed * 0.8 && refusedCredentials >= 15,
    evidence: ({ refused, credentialed, refusedCredentials }) => `${refused} of ${credentialed} requests with credentials refused, with about ${refusedCredentials} different ones`,
  },
];
