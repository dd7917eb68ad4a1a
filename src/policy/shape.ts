import Type, { type Static, type TArray, type TObject, type TProperties, type TSchema } from 'typebox';
import { Check, Default, Errors } from 'typebox/value';

/**
 * The vocabulary in which documents are described. One description gives the TypeScript type (`Static`), the JSON
 * Schema, the messages for people (`expects`) and the reference in docs/.
 */
export interface Notes {
  /** What the field is for; one or two sentences. */
  readonly description: string;
  /** Completes the sentence "give ..." in messages and serves as the type in the reference. */
  readonly expects: string;
}

/** A field with a default is always there after `check`, so its type is not optional. */
export type WithDefault = Notes & { readonly default?: unknown };

export const optional = Type.Optional;

export function text(notes: WithDefault & { pattern?: string; minLength?: number; maxLength?: number; format?: 'date-time' | 'cidr' }) {
  return Type.String({ ...notes });
}

export function integer(minimum: number, maximum: number, notes: WithDefault & { format?: 'int64' }) {
  return Type.Integer({ ...notes, minimum, maximum });
}

/** A number with fractions. */
export function number(minimum: number, maximum: number, notes: WithDefault) {
  return Type.Number({ ...notes, minimum, maximum });
}

/** true or false. @param otherwise what it is where it is not given */
export function truth(description: string, otherwise = false) {
  return Type.Boolean({ description, expects: 'true or false', default: otherwise });
}

/** true or false, where leaving it out says something else than both. */
export function decision(description: string) {
  return Type.Boolean({ description, expects: 'true or false' });
}

/** The word true: a choice that is made by being there. */
export function yes(notes: Omit<WithDefault, 'expects'>) {
  return Type.Literal(true, { expects: 'true', ...notes });
}

/** One of several words. */
export function word<const W extends string[]>(words: [...W], notes: Omit<WithDefault, 'expects'>) {
  return Type.Enum(words, { type: 'string', expects: words.length === 1 ? words[0] : `one of ${words.join(', ')}`, ...notes });
}

export function either<const T extends TSchema[]>(branches: [...T], notes: WithDefault) {
  return Type.Union(branches, { ...notes });
}

/**
 * @param notes `uniqueBy` names the fields by which entries differ: Kubernetes merges such lists by them, as maps
 */
export function list<T extends TSchema>(
  items: T,
  notes: WithDefault & { minItems?: number; maxItems?: number; uniqueItems?: boolean; uniqueBy?: readonly string[] },
): TArray<T> {
  return Type.Array(items, { ...notes });
}

/**
 * String to string, as Kubernetes labels.
 * @param names what a name must look like, and how to say so
 */
export function stringMap<T extends TSchema>(
  names: { pattern: string; expects: string },
  values: T,
  notes: WithDefault & { maxProperties?: number },
) {
  const valid = new RegExp(names.pattern);
  return ruled(
    Type.Record(Type.String(), values, { ...notes }),
    (value) => {
      const bad = Object.keys(value).find((name) => !valid.test(name));
      return bad === undefined ? null : `name ${JSON.stringify(bad)} is not allowed; give ${names.expects}`;
    },
    [{ rule: `self.all(name, name.matches(r'${names.pattern}'))`, message: `give ${names.expects}` }],
  );
}

/** An object that refuses fields it does not know. */
export function object<P extends TProperties>(properties: P, notes: Partial<WithDefault> = {}): TObject<P> {
  return Type.Object(properties, {
    expects: `an object with ${Object.keys(properties).join(', ')}`,
    ...notes,
    additionalProperties: false,
  });
}

/** A rule in the Common Expression Language, as `x-kubernetes-validations` of a CustomResourceDefinition has them. */
export interface CelRule {
  /** True where the value, `self`, is right. Defaults are there. For Kubernetes 1.27: no function that came later. */
  readonly rule: string;
  readonly message: string;
}

/**
 * Adds a rule that a JSON Schema cannot say. It is asked only about values whose shape is right.
 * @param rule null where the value is right, else what to do about it
 * @param cel the same for the API server, or as much of it as CEL can say (see LEFT_TO_AGENT in kube/)
 */
export function ruled<T extends TSchema>(schema: T, rule: (value: Static<T>) => string | null, cel: readonly CelRule[] = []) {
  const refined = Type.Refine(
    schema,
    (value) => !Check(schema, value) || rule(value) === null,
    (value) => rule(value) ?? '',
  );
  return cel.length === 0 ? refined : Object.assign(refined, { cel });
}

export type ValidationError = ReturnType<typeof Errors>[number];

/** @returns a copy of the input with defaults filled in, and how it differs from the description */
export function compare(schema: TSchema, input: unknown): { value: unknown; errors: ValidationError[] } {
  const value = Default(schema, structuredClone(input));
  return { value, errors: Errors(schema, value) };
}

/** Keywords of ours, which a JSON Schema does not know. */
const OWN_KEYWORDS = new Set(['expects', 'uniqueBy', 'cel']);

/** The JSON Schema (2020-12) of what a user may write: a field with a default need not be given. */
export function toJsonSchema(schema: TSchema): Record<string, unknown> {
  return stripped(schema) as Record<string, unknown>;
}

/** Fields of an object that a user has to write: those that are required and have no default. */
export function mustBeGiven(object: { readonly properties?: unknown; readonly required?: unknown }): readonly string[] {
  const properties = (object.properties ?? {}) as Readonly<Record<string, object>>;
  const required = (object.required ?? []) as readonly string[];
  return required.filter((name) => !('default' in properties[name]!));
}

function stripped(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(stripped);
  if (typeof node !== 'object' || node === null) return node;
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(node)) {
    if (OWN_KEYWORDS.has(key) || key.startsWith('~')) continue;
    if (key === 'required' && 'properties' in node) {
      const required = mustBeGiven(node);
      if (required.length > 0) out[key] = required;
    } else out[key] = stripped(value);
  }
  return out;
}

/** The same type with nothing to write to: documents are shared and cross threads. */
export type Immutable<T> = T extends object ? { readonly [K in keyof T]: Immutable<T[K]> } : T;

export type { Static, TSchema };
