import { parse } from '@bufbuild/cel';
import { rulesOf, type Rule } from './cel.ts';
import { properties, type SchemaNode } from './structural.ts';

/**
 * What a rule may cost at most, in the units and by the method of Kubernetes' own estimator (the `checker` of cel-go and
 * the cost estimator of k8s.io/apiserver): each node of the expression costs about 1, a pass over a text a tenth of its
 * bytes, a regular expression that times a quarter of its own length, a macro the size of its list times its body. Sizes
 * are `maxLength` (times 4: bytes of a character), `maxItems` and `maxProperties`; what has none has no bound. Keys of
 * maps count as if they were empty, as they do there. A rule costs that as often as its value may be in the object.
 */
export interface RuleCost {
  readonly path: string;
  readonly rule: string;
  /** Of one evaluation. */
  readonly each: number;
  /** Of all evaluations for one object: what the API server compares with its limits. */
  readonly total: number;
}

/** Of one rule, and of all rules of a version (StaticEstimatedCostLimit and StaticEstimatedCRDCostLimit). */
export const RULE_LIMIT = 10_000_000;
export const CRD_LIMIT = 100_000_000;

export function ruleCosts(schema: SchemaNode, path = '', times = 1): RuleCost[] {
  const own = rulesOf(schema).map(({ rule }: Rule) => {
    const each = costOf(rule, schema);
    return { path, rule, each, total: each * times };
  });
  const fields = Object.entries(properties(schema)).flatMap(([name, child]) => ruleCosts(child, `${path}.${name}`, times));
  const entries = entriesOf(schema);
  return [...own, ...fields, ...(entries === null ? [] : ruleCosts(entries, `${path}[]`, times * sizeOf(schema)))];
}

/** Cost of one evaluation with `self` as the schema says. @throws where the rule names a field that there is not, or compares two types */
export function costOf(rule: string, self: SchemaNode): number {
  return estimate(parse(rule).expr, new Map([['self', { type: typeOf(self), size: sizeOf(self), schema: self }]])).cost;
}

type Expr = ReturnType<typeof parse>['expr'];

/** What is known of a value. */
interface Known {
  readonly type: string;
  /** Bytes of a text, entries of a list; 1 for what has no size. */
  readonly size: number;
  /** Where it comes from the object. */
  readonly schema?: SchemaNode;
}

interface Estimate extends Known {
  readonly cost: number;
}

type Scope = ReadonlyMap<string, Known>;

const TRAVERSAL = 0.1;
const REGEX = 0.25;
const LIST = 10;

function estimate(expr: Expr, scope: Scope): Estimate {
  const { exprKind } = expr;
  switch (exprKind.case) {
    case 'constExpr': {
      const { case: kind, value } = exprKind.value.constantKind;
      if (kind === 'stringValue') return { cost: 0, type: 'string', size: Buffer.byteLength(value) };
      return { cost: 0, type: String(kind).replace('Value', '').replace('int64', 'int'), size: 1 };
    }
    case 'identExpr': {
      const known = scope.get(exprKind.value.name);
      if (known === undefined) throw new Error(`${exprKind.value.name} is not declared`);
      return { ...known, cost: 1 };
    }
    case 'selectExpr': {
      const { operand, field, testOnly } = exprKind.value;
      const target = estimate(operand!, scope);
      const schema = target.schema === undefined ? undefined : properties(target.schema)[field];
      if (schema === undefined) throw new Error(`there is no field ${field}`);
      const cost = target.cost + 1;
      return testOnly ? { cost, type: 'bool', size: 1 } : { cost, type: typeOf(schema), size: sizeOf(schema), schema };
    }
    case 'listExpr': {
      const elements = exprKind.value.elements.map((element) => estimate(element, scope));
      const type = elements[0]?.type ?? 'dyn';
      return { cost: LIST + sum(elements), type: `list(${type})`, size: elements.length };
    }
    case 'callExpr': {
      const { function: name, target, args } = exprKind.value;
      const all = [...(target === undefined ? [] : [target]), ...args].map((arg) => estimate(arg, scope));
      return { ...call(name, all), cost: sum(all) + call(name, all).cost };
    }
    case 'comprehensionExpr': {
      const { iterRange, accuInit, accuVar, iterVar, loopCondition, loopStep, result } = exprKind.value;
      const range = estimate(iterRange!, scope);
      const start = estimate(accuInit!, scope);
      const withResult = new Map(scope).set(accuVar, start);
      const inLoop = new Map(withResult).set(iterVar, entryOf(range));
      const loop = estimate(loopCondition!, inLoop).cost + estimate(loopStep!, inLoop).cost;
      const end = estimate(result!, withResult);
      const size = start.type.startsWith('list') ? range.size : end.size;
      return { type: end.type, size, cost: range.cost + start.cost + end.cost + range.size * loop };
    }
    default:
      throw new Error(`no estimate for ${String(exprKind.case)}`);
  }
}

/** The call alone, without its arguments. The target of a method is the first of them. */
function call(name: string, [first, second, third]: readonly Estimate[]): Estimate {
  const is = (type: string, cost: number, size = 1): Estimate => ({ type, cost, size });
  switch (name) {
    case '_&&_':
    case '_||_':
      return is('bool', 0);
    case '_?_:_':
      // Both branches, though only one is taken: an upper bound.
      return { ...is(second!.type, 0), size: Math.max(second!.size, third!.size) };
    case '_==_':
    case '_!=_':
      requireSame(first!, second!);
      return is('bool', Math.ceil(Math.min(first!.size, second!.size) * TRAVERSAL));
    case '_<_':
    case '_<=_':
    case '_>_':
    case '_>=_':
      requireSame(first!, second!);
      return is('bool', 1);
    case '@in':
      return is('bool', second!.size);
    case 'matches':
      return is('bool', Math.ceil((first!.size + 1) * TRAVERSAL) * Math.ceil(second!.size * REGEX));
    case 'contains':
      return is('bool', Math.ceil(first!.size * TRAVERSAL) * Math.ceil(second!.size * TRAVERSAL));
    case 'startsWith':
      return is('bool', Math.ceil(second!.size * TRAVERSAL));
    case 'lowerAscii':
      return is('string', Math.ceil(first!.size * TRAVERSAL), first!.size);
    case 'split':
      return is('list(string)', Math.ceil(first!.size * 2 * TRAVERSAL), first!.size);
    case 'size':
      return is('int', 1);
    case 'duration':
    case 'timestamp':
      return is(name, 1);
    case '_+_':
      requireSame(first!, second!);
      return is(first!.type, 1, first!.size + second!.size);
    case '!_':
    case '@not_strictly_false':
      return is('bool', 1);
    default:
      throw new Error(`no estimate for the function ${name}`);
  }
}

function requireSame(left: Known, right: Known): void {
  // The empty list that macros begin with is of any type.
  if (left.type !== right.type && left.type !== 'list(dyn)') throw new Error(`${left.type} is compared with ${right.type}`);
}

function sum(estimates: readonly Estimate[]): number {
  return estimates.reduce((total, { cost }) => total + cost, 0);
}

function entryOf({ type, schema }: Known): Known {
  if (schema?.['additionalProperties'] !== undefined) return { type: 'string', size: 0 };
  const entries = schema === undefined ? null : entriesOf(schema);
  if (entries !== null) return { type: typeOf(entries), size: sizeOf(entries), schema: entries };
  return { type: /^list\((.*)\)$/.exec(type)?.[1] ?? 'dyn', size: 1 };
}

function entriesOf({ type, items, additionalProperties }: SchemaNode): SchemaNode | null {
  // CEL does not see what has no type, nor what is in it.
  if (type === 'array') return items as SchemaNode;
  return (additionalProperties as SchemaNode | undefined) ?? null;
}

function typeOf({ type, format, additionalProperties, items }: SchemaNode): string {
  if (type === undefined) return 'dyn';
  if (format === 'date-time') return 'timestamp';
  if (type === 'array') return `list(${typeOf(items as SchemaNode)})`;
  if (type === 'object') return additionalProperties === undefined ? 'object' : 'map';
  return { string: 'string', integer: 'int', number: 'double', boolean: 'bool' }[String(type)] ?? 'dyn';
}

function sizeOf(schema: SchemaNode): number {
  const bound = (keyword: string): number => Number(schema[keyword] ?? Infinity);
  if (Array.isArray(schema['enum'])) return Math.max(...schema['enum'].map((word) => String(word).length));
  if (schema['type'] === 'string') return 4 * bound('maxLength');
  if (schema['type'] === 'array') return bound('maxItems');
  if (schema['type'] === 'object') return schema['additionalProperties'] === undefined ? 1 : bound('maxProperties');
  return 1;
}
