import { PolicyAccount } from '../ledger/ledger.ts';
import type { PolicyEntry } from '../ledger/book.ts';
import { AdaptiveShare } from '../mirror/adaptive-share.ts';
import type { EmitterTarget } from '../mirror/emitter.ts';
import { rewriteRules } from '../mirror/rewrite-rules.ts';
import type { TlsOptions } from '../mirror/http-client.ts';
import { backendService, serviceHost } from '../policy/backend.ts';
import { durationMs } from '../policy/duration.ts';
import { MAX_CONNECTIONS } from '../policy/max-connections.ts';
import type { MirrorPolicy, MirrorTarget, PolicyLimits } from '../policy/schema.ts';
import type { PolicySnapshot } from '../policy/snapshot.ts';
import { policyName } from '../policy/policy-name.ts';
import type { RecordTarget } from '../record/recorder.ts';
import { comparedTarget, type ComparedTarget } from './compared-target.ts';
import type { PoliciesMessage } from './messages.ts';
import { addressOf } from './target-address.ts';

/** A snapshot as a worker uses it. */
export interface CompiledSnapshot {
  readonly policies: PolicySnapshot;
  /** By policy number. */
  readonly accounts: readonly PolicyAccount[];
  /** By flat target number; none while mirroring is off. */
  readonly targets: readonly EmitterTarget[];
  /** By flat target number; null where the target is no file. */
  readonly records: readonly (RecordTarget | null)[];
  /** By flat target number; null where its answers are not compared. None where nothing is. */
  readonly compared: readonly (ComparedTarget | null)[];
  /** The kill switch. */
  readonly off: boolean;
}

/** How the ledger knows a policy. */
export function policyEntry(policy: MirrorPolicy): PolicyEntry {
  return { policy: policyName(policy), targets: policy.spec.targets.map((target) => addressOf(policy, target)) };
}

/**
 * @param marker lower-case name of the header that marks copies
 * @param workers how many share what the policies allow
 */
export function compileSnapshot({ snapshot, accounts, off }: PoliciesMessage, marker: string, workers = 1): CompiledSnapshot {
  const policyAccounts = accounts.map((buffer) => new PolicyAccount(buffer));
  const shares = snapshot.policies.map((policy, number) => adaptiveShare(policy, policyAccounts[number]!));
  const targets = snapshot.targets.map(({ policy: number, index, addresses = null }): EmitterTarget => {
    const policy = snapshot.policies[number]!;
    const target = policy.spec.targets[index]!;
    const { matches, limits, ordering, marker: own, trace, idempotencyKeys, redact, grpc } = policy.spec;
    const address = addressOf(policy, target);
    const url = new URL(address);
    const tls = tlsOptions(policy, target, snapshot.pemFiles);
    return {
      key: JSON.stringify([policyEntry(policy), index, target, tls, limits, ordering, matches, own, trace, idempotencyKeys, redact, grpc]),
      // Of files the emitter knows only the name: they are the recorder's, and dry runs count by it.
      origin: target.url === undefined ? address : url.origin,
      addresses,
      rules: rewriteRules(policy, target, url, marker, snapshot.keys),
      ...bounds(limits, target, workers),
      tls,
      ordered: ordering === 'Connection',
      streaming: grpc.streaming === 'Mirror',
      adaptive: shares[number]!,
      account: policyAccounts[number]!,
      index,
    };
  });
  const records = snapshot.targets.map(({ policy, index }, flat) => recordTarget(snapshot.policies[policy]!, index, targets[flat]!));
  const compared = snapshot.targets.map(({ policy, index }) => comparedTarget(snapshot.policies[policy]!, index, workers));
  return {
    policies: snapshot,
    accounts: policyAccounts,
    targets: off ? [] : targets,
    records: off ? [] : records,
    compared: compared.every((target) => target === null) ? [] : compared,
    off,
  };
}

/** A connection of HTTP/2 takes as many as its server allows. */
function bounds(limits: PolicyLimits, { protocol, pipelining, connections: given }: MirrorTarget, workers: number): Pick<EmitterTarget, 'limits' | 'client' | 'maxBodyBytes'> {
  const connections = given ?? Math.min(MAX_CONNECTIONS, Math.ceil(limits.maxInFlight / pipelining));
  const { requestsPerSecond, burst = requestsPerSecond } = limits;
  const rate = requestsPerSecond === 0 ? null : { perSecond: requestsPerSecond / workers, burst: Math.max(1, burst / workers) };
  return {
    client: { connections, pipelining },
    maxBodyBytes: limits.maxBodyBytes,
    limits: {
      maxInFlight: protocol === 'HTTP/2' ? limits.maxInFlight : Math.min(limits.maxInFlight, connections * pipelining),
      maxQueued: limits.maxQueued,
      maxBytes: limits.maxQueueBytes,
      timeoutMs: durationMs(limits.timeout),
      rate,
    },
  };
}

function tlsOptions(policy: MirrorPolicy, target: MirrorTarget, pemFiles: Readonly<Record<string, string>>): TlsOptions {
  if (target.tls === undefined) return {};
  const service = backendService(policy, target);
  // Connections go to the addresses of endpoints, which no certificate bears.
  const { caFile, certFile, keyFile, serverName = service === null ? undefined : serviceHost(service), insecureSkipVerify } = target.tls;
  return {
    ...(caFile !== undefined && { ca: pemFiles[caFile]! }),
    ...(certFile !== undefined && keyFile !== undefined && { cert: pemFiles[certFile]!, key: pemFiles[keyFile]! }),
    ...(serverName !== undefined && { serverName }),
    ...(insecureSkipVerify !== undefined && { insecureSkipVerify }),
  };
}

/** A policy that does not adapt mirrors all of its sample, whatever it did before. */
function adaptiveShare({ spec }: MirrorPolicy, { share }: PolicyAccount): AdaptiveShare | null {
  const adaptive = spec.sample?.adaptive;
  if (adaptive === undefined) {
    share[0] = 1;
    return null;
  }
  const { maxErrorPercent, maxLatency, minPercent } = adaptive;
  const maxLatencyMs = maxLatency === undefined ? Infinity : durationMs(maxLatency);
  return new AdaptiveShare({ maxErrors: maxErrorPercent / 100, maxLatencyMs, minShare: minPercent / 100 }, share);
}

function recordTarget(policy: MirrorPolicy, index: number, { key, rules, limits, maxBodyBytes, account }: EmitterTarget): RecordTarget | null {
  const { file } = policy.spec.targets[index]!;
  if (file === undefined) return null;
  const { path, format, maxBytes, maxFiles, maxTotalBytes, rotateEvery } = file;
  const bounds = { path, maxBytes, maxFiles, maxTotalBytes, rotateMs: durationMs(rotateEvery) };
  return { key, policy: policyName(policy), format, bounds, limits, maxBodyBytes, redactor: rules.redactor, account, index };
}
