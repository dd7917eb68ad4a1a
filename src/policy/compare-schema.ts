import { TOKEN } from './names.ts';
import { patternProblem } from './pattern.ts';
import { POINTER, pointerCel, pointerProblem } from './pointer-schema.ts';
import { percent } from './sample-schema.ts';
import { either, integer, list, number, object, optional, ruled, text, truth, word } from './shape.ts';

const MIB = 1 << 20;

const HEADER = text({ description: 'Name of the header, in any case.', expects: 'a header name', pattern: TOKEN, maxLength: 256 });

const HEADERS = either(
  [
    word(['All'], { description: 'All but those of the connection, of the framing and of the moment.' }),
    list(HEADER, { description: 'The headers.', expects: 'a list of at most 64 header names', maxItems: 64 }),
  ],
  {
    description:
      'Headers of answers that are compared: `All` but those that differ between any two servers or moments, which docs/compare.md lists; or those that are named, and no others.',
    expects: 'All, or a list of header names such as [content-type, location]',
    default: 'All',
  },
);

const IGNORED = ['pointer', 'pattern', 'header'] as const;
const IGNORE_PROBLEM = `give exactly one of ${IGNORED.join(', ')}`;

/** Places at which answers may differ. */
const IGNORE = ruled(
  object({
    pointer: optional(POINTER),
    pattern: optional(
      ruled(
        text({
          description:
            'A pattern (RE2 syntax) for the whole name of places, as reports name them: `status`, `header etag`, `body /meta/.*`; positions of lists are `-`.',
          expects: 'a pattern for names of places, such as body /meta/.*',
          // A JSON pointer alone is the name of no place, and would go unnoticed.
          pattern: '^[^/]',
          maxLength: 1024,
        }),
        patternProblem,
      ),
    ),
    header: optional(HEADER),
  }),
  (entry) => (IGNORED.filter((kind) => entry[kind] !== undefined).length === 1 ? null : IGNORE_PROBLEM),
  [{ rule: `[${IGNORED.map((kind) => `has(self.${kind})`).join(', ')}].exists_one(given, given)`, message: IGNORE_PROBLEM }],
);

const TOLERANCE_PROBLEM = 'give absolute, relative or both';

const TOLERANCE = ruled(
  object({
    pointer: POINTER,
    absolute: optional(
      number(0, 1_000_000_000_000_000, { description: 'By how much the numbers may differ.', expects: 'a number from 0 to 1000000000000000' }),
    ),
    relative: optional(
      number(0, 1, {
        description: "By which part of production's number they may differ; beside `absolute`, one of both is enough.",
        expects: 'a number from 0 to 1, such as 0.01',
      }),
    ),
  }),
  ({ absolute, relative }) => (absolute !== undefined || relative !== undefined ? null : TOLERANCE_PROBLEM),
  [{ rule: 'has(self.absolute) || has(self.relative)', message: TOLERANCE_PROBLEM }],
);

const LIST_EXPECTS = 'a JSON pointer to a list, such as /items, or an empty text for content that is a list itself';
const KEY_EXPECTS = 'a JSON pointer within an element, such as /id, or an empty text for the element as a whole';
const KEY_PROBLEM = 'give a key without *: each element has one';

/** A list whose order says nothing. */
const KEYED = object({
  pointer: ruled(
    text({ description: 'The list.', expects: LIST_EXPECTS, pattern: '^(?:/|$)', maxLength: 512 }),
    (pointer) => pointerProblem(pointer, LIST_EXPECTS),
    pointerCel(LIST_EXPECTS),
  ),
  key: ruled(
    text({
      description: 'What tells elements apart, within each; empty: elements are compared as a whole, each with its equal.',
      expects: KEY_EXPECTS,
      pattern: '^(?:/|$)',
      maxLength: 512,
    }),
    (key) => (key.split('/').includes('*') ? KEY_PROBLEM : pointerProblem(key, KEY_EXPECTS)),
    [{ rule: "!self.matches('/[*](/|$)')", message: KEY_PROBLEM }, ...pointerCel(KEY_EXPECTS)],
  ),
});

/** How answers of the mirror are held against those of production. */
export const COMPARE = object(
  {
    percent: percent('Share of the mirrored exchanges that is compared, chosen at random.', { default: 100 }),
    maxPerSecond: integer(0, 1_000_000, {
      description:
        'Exchanges a second that an agent compares, its workers together: all while no more come, and of more about so many, drawn at random. 0: all, for half as much CPU again as mirroring takes.',
      expects: 'a number from 0 to 1000000',
      default: 100,
    }),
    maxBodyBytes: integer(1024, 4 * MIB, {
      description:
        "Largest content of an answer, of either side, that is compared, as sent and once decoded; exchanges with more are counted as not compared: `too-large`.",
      expects: 'a number of bytes from 1024 to 4194304',
      default: 262_144,
    }),
    headers: HEADERS,
    ignore: list(IGNORE, {
      description: 'What may differ, as a field of JSON content with all that is in it (`pointer`), as a header, or by a pattern.',
      expects: 'a list of at most 64 entries',
      maxItems: 64,
      default: [],
    }),
    tolerance: list(TOLERANCE, {
      description: 'Numbers in JSON content that may differ a little.',
      expects: 'a list of at most 64 entries',
      maxItems: 64,
      default: [],
    }),
    keyed: list(KEYED, {
      description: 'Lists in JSON content whose order says nothing.',
      expects: 'a list of at most 64 entries',
      maxItems: 64,
      default: [],
    }),
    learnNoise: truth(
      "Takes fields for noise that differ between production's own answers to equal requests, or between production and a target with `role: Baseline`.",
      true,
    ),
    examples: word(['Masked', 'Values', 'None'], {
      description:
        'What reports show of values that differ: `Masked` numbers, words for a state such as `PAID`, and of other texts what they are (`uuid`, `text of 24 characters`); `Values` the values themselves, once `redact` has been applied, and never passwords, tokens or values of cookies; `None` nothing.',
      default: 'Masked',
    }),
    maxDifferentPercent: percent('Share of different exchanges up to which the verdict may be `looks safe`.', { default: 0 }),
    maxSlowdownPercent: number(0, 1000, {
      description: 'By how much the mirror may be slower for the verdict to be `looks safe`.',
      expects: 'a number from 0 to 1000',
      default: 10,
    }),
    confidencePercent: number(80, 99.9, {
      description: 'How sure a verdict has to be.',
      expects: 'a number from 80 to 99.9',
      default: 95,
    }),
    minCompared: integer(1, 1_000_000, {
      description: 'Exchanges below which the verdict is `too little data`.',
      expects: 'a number from 1 to 1000000',
      default: 100,
    }),
  },
  { description: 'Compares the answers of the mirror with those of production; not given: they are not looked at. See docs/compare.md.' },
);
