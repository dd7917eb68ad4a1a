/** Something that the API server takes and the agents refuse. */
interface LeftToAgent {
  /** Fields of a MirrorPolicy whose rule the CustomResourceDefinition says in part, or not at all. */
  readonly fields: readonly string[];
  readonly rule: string;
  readonly reason: string;
}

const CONDITIONS = ['path', 'headers[]', 'queryParams[]', 'grpc'].flatMap((field) => [`spec.matches[].${field}`, `spec.excludes[].${field}`]);

/** All that the API server cannot check: agents refuse such a policy by its condition Accepted. */
export const LEFT_TO_AGENT: readonly LeftToAgent[] = [
  {
    fields: [...CONDITIONS, 'spec.compare.ignore[].pattern'],
    rule: 'A pattern, or a `value`, `service` or `method` of type RegularExpression is a pattern that can be compiled, and is not too large.',
    reason: 'CEL has no function for it, and how large a pattern becomes only the agent knows.',
  },
  {
    fields: ['spec'],
    rule: 'There are at most 64 patterns: conditions of type RegularExpression, and `pattern` of `compare.ignore`.',
    reason: 'Older API servers take the cost of a sum over lists of lists to be without bound, and would refuse the whole definition.',
  },
  {
    fields: ['spec.from[].ipBlock'],
    rule: '`except` lies within `cidr`, and no number of an address begins with 0.',
    reason: 'CEL of Kubernetes 1.27 has no functions for blocks of addresses, and the API server takes 010.0.0.0 for 10.0.0.0.',
  },
  {
    fields: ['spec.targets[].url'],
    rule: 'The address is one that a URL parser takes: no port above 65535, no address such as 1.2.3.999.',
    reason: 'An expression that says all of it is longer than helpful.',
  },
  {
    fields: ['spec.methods', 'spec.compare.headers'],
    rule: 'A value that is neither a word nor a list.',
    reason: 'Schemas of custom resources have no union of a text and a list, and CEL does not see fields without a type.',
  },
];
