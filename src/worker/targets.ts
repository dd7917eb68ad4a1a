import { PolicyAccount } from '../ledger/ledger.ts';
import type { PolicyEntry } from '../ledger/book.ts';
import type { EmitterTarget } from '../mirror/emitter.ts';
import { rewriteRules } from '../mirror/rewrite-rules.ts';
import { durationMs } from '../policy/duration.ts';
import type { MirrorPolicy, MirrorTarget } from '../policy/schema.ts';
import type { PolicySnapshot } from '../policy/snapshot.ts';
import { policyName } from '../policy/policy-name.ts';
import type { RecordTarget } from '../record/recorder.ts';
import type { PoliciesMessage } from './messages.ts';

/** A snapshot as a worker uses it. */
export interface CompiledSnapshot {
  readonly policies: PolicySnapshot;
  /** By policy number. */
  readonly accounts: readonly PolicyAccount[];
  /** By flat target number; none while mirroring is off. */
  readonly targets: readonly EmitterTarget[];
  /** By flat target number; null where the target is no file. */
  readonly records: readonly (RecordTarget | null)[];
  /** The kill switch. */
  readonly off: boolean;
}

/** How the ledger knows a policy. */
export function policyEntry(policy: MirrorPolicy): PolicyEntry {
  return { policy: policyName(policy), targets: policy.spec.targets.map(addressOf) };
}

/** The address of a mirror, or of files as a `file:` URL. */
function addressOf({ url, file }: MirrorTarget): string {
  return url ?? `file://${file?.path ?? ''}`;
}

/** @param marker lower-case name of the header that marks copies */
export function compileSnapshot({ snapshot, accounts, off }: PoliciesMessage, marker: string): CompiledSnapshot {
  const policyAccounts = accounts.map((buffer) => new PolicyAccount(buffer));
  const targets = snapshot.targets.map(({ policy: number, index }): EmitterTarget => {
    const policy = snapshot.policies[number]!;
    const target = policy.spec.targets[index]!;
    const { matches, limits, marker: own, trace, idempotencyKeys, redact } = policy.spec;
    const url = new URL(addressOf(target));
    return {
      key: JSON.stringify([policyEntry(policy), index, target, limits, matches, own, trace, idempotencyKeys, redact]),
      // Of files the emitter knows only the name: they are the recorder's, and dry runs count by it.
      origin: target.url === undefined ? addressOf(target) : url.origin,
      rules: rewriteRules(policy, target, url, marker, snapshot.keys),
      limits: {
        maxInFlight: limits.maxInFlight,
        maxQueued: limits.maxQueued,
        maxBytes: limits.maxQueueBytes,
        maxBodyBytes: limits.maxBodyBytes,
        timeoutMs: durationMs(limits.timeout),
      },
      account: policyAccounts[number]!,
      index,
    };
  });
  const records = snapshot.targets.map(({ policy, index }, flat) => recordTarget(snapshot.policies[policy]!, index, targets[flat]!));
  return { policies: snapshot, accounts: policyAccounts, targets: off ? [] : targets, records: off ? [] : records, off };
}

function recordTarget(policy: MirrorPolicy, index: number, { key, rules, limits, account }: EmitterTarget): RecordTarget | null {
  const { file } = policy.spec.targets[index]!;
  if (file === undefined) return null;
  const { path, format, maxBytes, maxFiles, maxTotalBytes, rotateEvery } = file;
  const bounds = { path, maxBytes, maxFiles, maxTotalBytes, rotateMs: durationMs(rotateEvery) };
  return { key, policy: policyName(policy), format, bounds, limits, redactor: rules.redactor, account, index };
}
