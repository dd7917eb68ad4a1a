import type { HashKeys } from '../policy/keys.ts';
import { asOnWire } from '../policy/request-view.ts';
import type { MirrorPolicy, MirrorTarget } from '../policy/schema.ts';
import { policyName } from '../policy/policy-name.ts';
import { IdempotencyKeys } from './idempotency.ts';
import { FullPath, PrefixPath, type PathRewrite } from './path-rewrite.ts';
import { QueryEdit } from './query.ts';
import { Redactor } from './redact.ts';
import type { HeaderModifier, NameValue, RewriteRules } from './rewrite.ts';

/**
 * What a policy says of the copies that one of its targets gets.
 * @param url of the target
 * @param marker lower-case name of the header that marks copies
 */
export function rewriteRules(policy: MirrorPolicy, target: MirrorTarget, url: URL, marker: string, keys: HashKeys): RewriteRules {
  const { matches, trace, idempotencyKeys, redact } = policy.spec;
  const name = policyName(policy);
  const urlRewrite = target.filters.find((filter) => filter.urlRewrite !== undefined)?.urlRewrite;
  return {
    authority: url.host,
    scheme: url.protocol.slice(0, -1),
    protocol: PROTOCOLS[target.protocol],
    basePath: url.pathname.replace(/\/$/, ''),
    hostname: urlRewrite?.hostname ?? target.hostname,
    marker: { name: marker, value: name },
    ownMarker: ownMarker(policy, marker),
    trace,
    idempotency: idempotencyKeys === 'Rewrite' ? new IdempotencyKeys(keys.stable, name) : null,
    redactor: redactorOf(redact, keys),
    path: pathRewrite(urlRewrite?.path, matches),
    queryEdits: target.filters.flatMap(({ queryModifier: edit }) => (edit === undefined ? [] : [new QueryEdit(edit.set, edit.remove)])),
    headerModifiers: target.filters.flatMap(({ requestHeaderModifier: modifier }) => (modifier === undefined ? [] : [onWire(modifier)])),
  };
}

const PROTOCOLS: Readonly<Record<MirrorTarget['protocol'], RewriteRules['protocol']>> = { Preserve: null, 'HTTP/1.1': 'h1', 'HTTP/2': 'h2' };

/** @returns null where a policy has nothing that is secret */
export function redactorOf(redact: MirrorPolicy['spec']['redact'], keys: HashKeys): Redactor | null {
  return redact === undefined ? null : new Redactor(redact, keys.secret);
}

/** With a value and no name it is the agent's marker with another value. */
function ownMarker(policy: MirrorPolicy, marker: string): NameValue | null {
  const own = policy.spec.marker;
  if (own === undefined) return null;
  return { name: (own.name ?? marker).toLowerCase(), value: asOnWire(own.value ?? policyName(policy)) };
}

type PathModifier = NonNullable<NonNullable<MirrorTarget['filters'][number]['urlRewrite']>['path']>;

function pathRewrite(modifier: PathModifier | undefined, matches: MirrorPolicy['spec']['matches']): PathRewrite | null {
  if (modifier === undefined) return null;
  if (modifier.type === 'ReplaceFullPath') return new FullPath(modifier.replaceFullPath ?? '/');
  return new PrefixPath(modifier.replacePrefixMatch ?? '', matches);
}

function onWire({ set, add, remove }: HeaderModifier): HeaderModifier {
  const encoded = ({ name, value }: NameValue): NameValue => ({ name, value: asOnWire(value) });
  return { set: set.map(encoded), add: add.map(encoded), remove };
}
