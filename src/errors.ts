/**
 * Every failure that a user can meet has a stable `code`, a message that says what to do about it, and its `cause`.
 * Match on `code`, never on the message.
 */
export const ERROR_CODES = {
  USAGE: 'a flag or argument of the command line is wrong',
  CONFIG_FILE: 'a configuration file cannot be read or is not YAML',
  CONFIG_INVALID: 'a document in the configuration does not fit its schema',
  CAPTURE_FILE: 'a capture file cannot be read or is damaged',
  CAPTURE_LINK_TYPE: 'a capture has a link type that is not decoded',
  TAP_UNAVAILABLE: 'this node cannot run the tap that was asked for',
  TAP_LOAD: 'the kernel refused the BPF object or a map',
  TAP_ATTACH: 'the tap could not be attached to an endpoint',
  ENDPOINT: 'an endpoint does not exist or has no such interface',
  TARGET: 'a mirror target is not usable',
  LISTEN: 'the admin port cannot be opened',
  WORKER: 'a worker ended unexpectedly',
  KUBE_CONFIG: 'there is nothing that says how to reach the cluster, or it is wrong',
  KUBE_API: 'the Kubernetes API server did not answer a request, or refused it',
  INTERNAL: 'a fault of ours: please report it',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export class ShadowtapError extends Error {
  override readonly name = 'ShadowtapError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The text of anything thrown, for a log line or as the tail of our own message. */
export function messageOf(thrown: unknown): string {
  // What a connection to several addresses ends with: it says nothing by itself.
  if (thrown instanceof AggregateError && thrown.message === '') return thrown.errors.map(messageOf).join('; ');
  return thrown instanceof Error ? thrown.message : String(thrown);
}

const FILE_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory; name a file in it',
};

/** Why a file cannot be read, in words. */
export function fileProblem(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  return FILE_PROBLEMS[code] ?? messageOf(thrown);
}
