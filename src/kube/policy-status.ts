import { integer, list, object, optional, text, word, type Immutable, type Static } from '../policy/shape.ts';

/** Counters in JSON: whole numbers that every reader takes exactly. */
const MAX_COUNT = Number.MAX_SAFE_INTEGER;

function count(description: string) {
  return integer(0, MAX_COUNT, { description, expects: 'a whole number from 0', format: 'int64' });
}

function time(description: string) {
  return text({ description, expects: 'a time such as 2027-01-01T00:00:00Z', format: 'date-time', maxLength: 64 });
}

/** metav1.Condition of Kubernetes, bounds included. */
const CONDITION = object({
  type: text({
    description: 'What the condition is about: Accepted, ResolvedRefs, Programmed, Degraded or Matches.',
    expects: 'the name of a condition',
    pattern: '^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$',
    maxLength: 316,
  }),
  status: word(['True', 'False', 'Unknown'], { description: 'Whether it holds.' }),
  observedGeneration: optional(count('The `metadata.generation` that it speaks of.')),
  lastTransitionTime: time('When `status` changed last.'),
  reason: text({
    description: 'Why, in one word for programs.',
    expects: 'one word',
    pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$',
    minLength: 1,
    maxLength: 1024,
  }),
  message: text({ description: 'Why, in a sentence for people.', expects: 'a sentence', maxLength: 32_768 }),
});

const COUNTS = object(
  {
    seen: count('Requests that reached the endpoints while the policy was there.'),
    mirrored: count('Requests of which a copy was delivered.'),
    failed: count('Copies that a target did not take.'),
    shed: count('Requests whose copies gave way: queue, rate, breaker, memory, pressure.'),
    incomplete: count('Requests that were not seen as a whole.'),
    other: count('All others: not matched, excluded, not in the sample, and so on.'),
  },
  { description: 'How requests ended, summed over all nodes.' },
);

const TARGET_COUNTS = object({
  target: text({ description: 'The target: its address, Service or file.', expects: 'a target', maxLength: 2048 }),
  mirrored: count('Copies that it answered.'),
  failed: count('Copies that it did not take.'),
  shed: count('Copies that were not sent to it.'),
});

/** What the agents report of a MirrorPolicy. */
export const POLICY_STATUS = object(
  {
    observedGeneration: optional(count('The `metadata.generation` that the status speaks of.')),
    conditions: optional(
      list(CONDITION, {
        description: 'Accepted: the policy is right. ResolvedRefs: its targets exist and may be used. Programmed: pods are tapped by it. Degraded: something is not as it should be. Matches: of a policy that compares, whether its mirrors answer as production does.',
        expects: 'a list of conditions',
        maxItems: 8,
        uniqueBy: ['type'],
      }),
    ),
    nodes: optional(count('Nodes whose agent applies the policy.')),
    endpoints: optional(count('Endpoints that are tapped for it.')),
    counts: optional(COUNTS),
    countedAt: optional(time('When `counts` and `targets` were summed up.')),
    share: optional(
      integer(0, 100, {
        description: 'Percent of the sample that `sample.adaptive` lets through at present, the mean over all nodes.',
        expects: 'a whole number from 0 to 100',
      }),
    ),
    targets: optional(
      list(TARGET_COUNTS, {
        description: 'What became of the copies to each target.',
        expects: 'a list of targets',
        maxItems: 16,
        uniqueBy: ['target'],
      }),
    ),
  },
  { description: 'What the agents report.' },
);

export type PolicyStatus = Immutable<Static<typeof POLICY_STATUS>>;
export type PolicyCondition = NonNullable<PolicyStatus['conditions']>[number];
