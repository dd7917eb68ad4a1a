import type { Fields } from './fields.ts';
import { isHost } from './hosts.ts';
import { shown, type Problem } from './imported-policy.ts';
import type { PathMatch } from './match.ts';
import { andThen, UNCHANGED, type Change } from './route.ts';

/** A RequestMirror filter: a Service, if all is well, and a share. */
export interface MirrorFilter {
  readonly ref: BackendRef;
  readonly percent: number;
  readonly problems: readonly Problem[];
}

/** What a BackendObjectReference says. */
export interface BackendRef {
  readonly group: string;
  readonly kind: string;
  /** Not given: that of the route. */
  readonly namespace: string | undefined;
  readonly name: string;
  readonly port: number | undefined;
}

/** What the filters of a rule or of a backend come to. */
export interface Filters {
  readonly mirrors: readonly MirrorFilter[];
  readonly change: Change;
  /** The gateway answers by itself. */
  readonly redirects: boolean;
  readonly remarks: readonly Problem[];
}

/**
 * The filters of a rule or a backend in their order.
 * @param types those that the kind of route has
 * @param problems gets the filters of which nobody knows what they do
 */
export function readFilters(filters: readonly Fields[], types: ReadonlySet<string>, problems: Problem[]): Filters {
  const mirrors: MirrorFilter[] = [];
  let change = UNCHANGED;
  let redirects = false;
  let isChangedLater = false;
  for (const filter of filters) {
    const type = filter.text('type') ?? '';
    switch (types.has(type) ? type : '') {
      case 'RequestMirror':
        mirrors.push(readMirror(filter));
        break;
      case 'RequestHeaderModifier':
        isChangedLater ||= mirrors.length > 0;
        change = andThen(change, headerChange(filter.object('requestHeaderModifier')));
        break;
      case 'URLRewrite':
        isChangedLater ||= mirrors.length > 0;
        change = andThen(change, urlChange(filter.object('urlRewrite')));
        break;
      case 'RequestRedirect':
        redirects = true;
        filter.ignore('requestRedirect');
        break;
      case 'ResponseHeaderModifier':
        filter.ignore('responseHeaderModifier');
        break;
      case 'CORS':
        filter.ignore('cors');
        break;
      default:
        filter.ignore('extensionRef', 'externalAuth');
        problems.push({
          reason: 'UnsupportedFilter',
          message: `nobody knows what a filter of type ${shown(type)} does to requests (${filter.where})`,
        });
    }
    filter.end();
  }
  const message = 'RequestMirror stands before a filter that changes requests; copies are what the pods get, after all changes';
  return { mirrors, change, redirects, remarks: isChangedLater ? [{ reason: 'CopyAfterChange', message }] : [] };
}

/** @param fields of a BackendObjectReference, which may have others */
export function readBackendRef(fields: Fields): BackendRef {
  return {
    group: fields.text('group') ?? '',
    kind: fields.text('kind') ?? 'Service',
    namespace: fields.text('namespace'),
    name: fields.text('name') ?? '',
    port: fields.number('port'),
  };
}

/** GEP-3171: `percent` or `fraction`, neither means all. */
function readMirror(filter: Fields): MirrorFilter {
  const problems: Problem[] = [];
  const mirror = filter.object('requestMirror', problems);
  const backend = mirror.object('backendRef');
  const ref = readBackendRef(backend);
  backend.end();
  const percent = mirror.number('percent');
  const fraction = mirror.object('fraction');
  const isFraction = mirror.has('fraction');
  const numerator = fraction.number('numerator') ?? NaN;
  const denominator = fraction.number('denominator') ?? 100;
  fraction.end();
  mirror.end();
  const share = isFraction ? (100 * numerator) / denominator : (percent ?? 100);
  const isRight = share >= 0 && share <= 100 && !(isFraction && (percent !== undefined || denominator < 1));
  if (!isRight) problems.push({
    reason: 'InvalidShare',
    message: `${mirror.where}: give percent from 0 to 100 or a fraction from 0 to 1, not both`,
  });
  return { ref, percent: isRight ? share : 100, problems };
}

function headerChange(modifier: Fields): Change {
  const headers = new Map<string, string | null>();
  const note = (name: string, value: string | null): void => {
    // Several changes of one header are not allowed; what comes of them is nobody's promise.
    headers.set(name.toLowerCase(), headers.has(name.toLowerCase()) ? null : value);
  };
  for (const header of modifier.objects('set')) {
    note(header.text('name') ?? '', header.text('value') ?? null);
    header.end();
  }
  for (const header of modifier.objects('add')) {
    note(header.text('name') ?? '', null);
    header.ignore('value');
    header.end();
  }
  for (const name of modifier.texts('remove')) note(name, null);
  modifier.end();
  const changesHost = headers.delete('host');
  return { ...(changesHost ? { host: null } : {}), headers, unknown: false };
}

function urlChange(rewrite: Fields): Change {
  const hostname = rewrite.text('hostname');
  const path = rewrite.object('path');
  const type = path.text('type');
  const full = path.text('replaceFullPath');
  const prefix = path.text('replacePrefixMatch');
  path.end();
  rewrite.end();
  return {
    ...(hostname === undefined ? {} : { host: isHost(hostname) }),
    ...(rewrite.has('path') ? { path: pathChange(type, full, prefix) } : {}),
    headers: new Map(),
    unknown: false,
  };
}

function pathChange(type: string | undefined, full: string | undefined, prefix: string | undefined): NonNullable<Change['path']> {
  if (type === 'ReplaceFullPath' && isPath(full)) return (): PathMatch => ({ type: 'Exact', value: full });
  if (type !== 'ReplacePrefixMatch' || prefix === undefined || !(prefix === '' || isPath(prefix))) return () => null;
  return ({ replaces }) => (replaces === 'prefix' ? { type: 'PathPrefix', value: prefix === '' ? '/' : prefix } : null);
}

function isPath(text: string | undefined): text is string {
  return text !== undefined && /^\/[^?#\s]*$/.test(text);
}
