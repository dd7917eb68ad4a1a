import { GRPC_METHOD, GRPC_SERVICE } from '../../policy/names.ts';
import type { Fields } from './fields.ts';
import { ANYWHERE, readPattern, readValue, REGULAR_EXPRESSION, type Reading } from './gateway-route-values.ts';
import { shown, type Problem } from './imported-policy.ts';
import { firstOfEach, matchOf, type GrpcMatch, type ValueMatch } from './match.ts';
import type { RouteEntry } from './route.ts';

const SERVICE = new RegExp(GRPC_SERVICE);
const METHOD = new RegExp(GRPC_METHOD);
/** Every call: a policy needs a name, and what may fit needs none. */
const ANY_CALL: Reading<GrpcMatch> = { narrow: { type: 'RegularExpression', service: '.*' }, wide: null };
const UNKNOWN: Reading<GrpcMatch> = { narrow: null, wide: null };

/**
 * A GRPCRouteMatch. Of requests only calls of gRPC are mirrored, so what is said here of others, which gateways that look
 * at paths alone may route in the same way, does not matter.
 * @param rule number of its rule, by which the last ties are broken
 * @param problems gets why it cannot be expressed
 */
export function readGrpcMatch(fields: Fields, rule: number, problems: Problem[]): RouteEntry {
  const grpc = readMethod(fields.object('method'), problems);
  const isCertain = problems.length === 0 && (grpc === ANY_CALL || grpc.narrow?.type === 'Exact');
  const headers = fields.objects('headers').map((header) => readValue(header, problems, true));
  fields.end();
  const values = (kind: 'narrow' | 'wide'): ValueMatch[] =>
    firstOfEach(headers.flatMap((header) => header[kind] ?? []), (name) => name.toLowerCase());
  const match = matchOf({ grpc: grpc.narrow, headers: values('narrow') });
  const wide = matchOf({ grpc: grpc.wide, headers: values('wide') });
  const exact = problems.length === 0 && isCertain && JSON.stringify(match.headers) === JSON.stringify(wide.headers);
  return {
    match,
    wide,
    exact,
    without: [],
    from: null,
    places: isCertain ? placesOf(grpc.wide, [headers.length, match.headers?.length ?? 0], rule) : ANYWHERE,
    replaces: 'unknown',
    problems,
    remarks: exact || problems.length > 0 ? [] : [REGULAR_EXPRESSION],
  };
}

/**
 * Order of the Gateway API (GRPCRouteRule.matches): the longest service, the longest method, most headers, the first rule.
 * @param headers how many there are, in either reading of a header that is named twice
 */
function placesOf(grpc: GrpcMatch | null, headers: readonly number[], rule: number): number[][] {
  const { service = '', method = '' } = grpc ?? {};
  return [...new Set(headers)].map((count) => [service.length, method.length, count, -rule]);
}

function readMethod(fields: Fields, problems: Problem[]): Reading<GrpcMatch> {
  const type = fields.text('type') ?? 'Exact';
  const service = fields.text('service') ?? '';
  const method = fields.text('method') ?? '';
  fields.end();
  const isEmpty = service === '' && method === '';
  if (type !== 'Exact' && !isEmpty) return readPatterns(type, service, method, fields.where, problems);
  const wrong = type !== 'Exact' ? '' : service !== '' && !SERVICE.test(service) ? service : method !== '' && !METHOD.test(method) ? method : null;
  if (wrong !== null) {
    problems.push({ reason: 'UnsupportedMatch', message: `${fields.where}: ${shown(wrong)} is not the name of a service or a method` });
    return UNKNOWN;
  }
  if (isEmpty) return ANY_CALL;
  const grpc = grpcOf('Exact', service, method);
  return { narrow: grpc, wide: grpc };
}

function readPatterns(type: string, service: string, method: string, where: string, problems: Problem[]): Reading<GrpcMatch> {
  const any: Reading<string> = { narrow: '', wide: '' };
  const services = service === '' ? any : readPattern(type, service, where, problems);
  const methods = method === '' ? any : readPattern(type, method, where, problems);
  const wide = grpcOf('RegularExpression', services.wide ?? '', methods.wide ?? '');
  return {
    narrow: grpcOf('RegularExpression', services.narrow ?? '', methods.narrow ?? ''),
    wide: 'service' in wide || 'method' in wide ? wide : null,
  };
}

/** A name that is not given may be any. */
function grpcOf(type: GrpcMatch['type'], service: string, method: string): GrpcMatch {
  return { type, ...(service === '' ? {} : { service }), ...(method === '' ? {} : { method }) };
}
