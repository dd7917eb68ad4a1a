import { ShadowtapError } from '../errors.ts';
import { listOf, recordOf, textOf } from './json.ts';

/** An answer of the API server that is not a success, or none at all. */
export class ApiError extends ShadowtapError {
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
  /** `reason` of the Status object (Kubernetes API conventions, "Response Status Kind"); empty where there is none. */
  readonly reason: string;
  /** The server asks to be left alone for so long; 0 where it does not. */
  readonly retryAfterMs: number;
  /** The server has not come to the version that was asked for: it was restored from a backup, or lags behind others. */
  readonly isTooNew: boolean;

  constructor(
    message: string,
    details: { status?: number; reason?: string; retryAfterMs?: number; isTooNew?: boolean; cause?: unknown } = {},
  ) {
    super('KUBE_API', message, { cause: details.cause });
    this.status = details.status ?? 0;
    this.reason = details.reason ?? '';
    this.retryAfterMs = details.retryAfterMs ?? 0;
    this.isTooNew = details.isTooNew ?? false;
  }

  /** The version that was asked for is no longer there: list again. */
  get isGone(): boolean {
    return this.status === 410;
  }

  /** There is no such object, or no such type. */
  get isNotFound(): boolean {
    return this.status === 404;
  }

  get isForbidden(): boolean {
    return this.status === 403;
  }

  get isConflict(): boolean {
    return this.status === 409;
  }
}

const REMEDIES: Readonly<Record<number, string>> = {
  401: 'the credentials are not accepted; renew them',
  403: 'the role lacks this verb; apply the manifests of this version again',
};

/** What a `Status` object, or whatever else came with a status code, says. @param what was asked, for the message */
export function apiError(what: string, status: number, body: unknown, retryAfterMs = 0): ApiError {
  const { message, reason, details } = recordOf(body);
  const said = textOf(message) === '' ? `HTTP status ${status}` : textOf(message).slice(0, 500);
  const remedy = REMEDIES[status];
  const text = `cannot ${what}: ${said}${remedy === undefined ? '' : ` (${remedy})`}`;
  const isTooNew = listOf(recordOf(details)['causes']).some((cause) => cause['reason'] === 'ResourceVersionTooLarge');
  return new ApiError(text, { status, reason: textOf(reason), retryAfterMs, isTooNew });
}
