/** Policies that compare and observe, right and wrong. */

const URL = 'http://127.0.0.1:9090';
const compare = (fields: Record<string, unknown>) => ({ compare: fields });
const ignore = (...entries: unknown[]) => compare({ ignore: entries });
const roles = (...given: string[]) => ({ targets: given.map((role) => ({ url: URL, role })) });
const file = { file: { path: '/var/log/x.ndjson' } };
const many = (count: number, item: unknown) => Array.from({ length: count }, () => item);

const PERCENT = 'give a number from 0 to 100, such as 10 or 0.5';
const POINTER = 'give a JSON pointer such as /card/number or /items/*/price';
const LIST = 'give a JSON pointer to a list, such as /items, or an empty text for content that is a list itself';
const KEY = 'give a JSON pointer within an element, such as /id, or an empty text for the element as a whole';
const RE2 = 'give a pattern in RE2 syntax (no look-around, no back-references)';
const ONE_OF = 'give exactly one of pointer, pattern, header';
const NO_ANSWERS = 'give a target with role Mirror that is no file: files do not answer';

/** Fields of `spec` that are right, and what they are about. */
export const GOOD: readonly (readonly [string, Record<string, unknown>])[] = [
  ['compare: nothing said', compare({})],
  ['compare.percent and maxBodyBytes', compare({ percent: 12.5, maxBodyBytes: 4_194_304 })],
  ['compare.maxPerSecond', compare({ maxPerSecond: 0 })],
  ['compare.headers: All', compare({ headers: 'All' })],
  ['compare.headers: some', compare({ headers: ['Content-Type', 'location', 'content-length'] })],
  ['compare.headers: none', compare({ headers: [] })],
  ['compare.ignore', ignore({ pointer: '/meta' }, { pointer: '/items/*/a~1b' }, { pattern: 'body /meta/.*' }, { header: 'ETag' })],
  ['compare.tolerance', compare({ tolerance: [{ pointer: '/total', absolute: 0.01 }, { pointer: '/items/*/price', absolute: 0, relative: 0.5 }] })],
  ['compare.keyed', compare({ keyed: [{ pointer: '/items', key: '/id' }, { pointer: '', key: '' }, { pointer: '/orders/*/lines', key: '/sku/id' }] })],
  ['compare: verdicts', compare({ maxDifferentPercent: 0.1, maxSlowdownPercent: 1000, confidencePercent: 99.9, minCompared: 1 })],
  ['compare.learnNoise and examples', compare({ learnNoise: false, examples: 'None' })],
  ['compare beside a file', { ...compare({}), targets: [{ url: URL }, file] }],
  ['targets.role', { ...compare({}), ...roles('Mirror', 'Baseline', 'Mirror') }],
  ['observe', { observe: true }],
  ['observe alone', { observe: true, targets: [] }],
];

/** Fields of `spec` that are wrong, and the complaint. */
export const BAD: readonly (readonly [Record<string, unknown>, string])[] = [
  [{ targets: [] }, 'spec: give at least one target, or observe: true'],
  [{ observe: 'yes', targets: [] }, 'spec.observe: "yes" is not allowed; give true or false'],
  [{ targets: many(17, { url: URL }) }, 'spec.targets: a list of 17 is not allowed; give a list of 1 to 16 targets'],
  [{ observe: true, targets: [], ...compare({}) }, `spec: leave out compare, or ${NO_ANSWERS}`],
  [{ ...compare({}), targets: [file] }, `spec: leave out compare, or ${NO_ANSWERS}`],
  [{ ...compare({}), ...roles('Baseline') }, `spec: leave out compare, or ${NO_ANSWERS}`],
  [{ ...compare({}), targets: [file, { url: URL, role: 'Baseline' }] }, `spec: leave out compare, or ${NO_ANSWERS}`],
  [roles('Mirror', 'Baseline'), 'spec: leave out role: Baseline, or give compare'],
  [{ ...compare({}), ...roles('Mirror', 'Baseline', 'Baseline') }, 'spec: give role: Baseline to one target at most'],
  [{ ...compare({}), targets: [{ url: URL }, { ...file, role: 'Baseline' }] }, 'spec.targets[1]: leave out role: files do not answer'],
  [roles('Shadow'), 'spec.targets[0].role: "Shadow" is not allowed; give one of Mirror, Baseline'],
  [compare({ maxPerSecond: -1 }), 'spec.compare.maxPerSecond: -1 is not allowed; give a number from 0 to 1000000'],
  [compare({ maxPerSecond: 0.5 }), 'spec.compare.maxPerSecond: 0.5 is not allowed; give a number from 0 to 1000000'],
  [{ compare: true }, 'spec.compare: true is not allowed; give an object with percent, maxPerSecond, maxBodyBytes, headers, ignore, tolerance, keyed, learnNoise, examples, maxDifferentPercent, maxSlowdownPercent, confidencePercent, minCompared'],
  [compare({ percent: 101 }), `spec.compare.percent: 101 is not allowed; ${PERCENT}`],
  [compare({ maxBodyBytes: 4_194_305 }), 'spec.compare.maxBodyBytes: 4194305 is not allowed; give a number of bytes from 1024 to 4194304'],
  [compare({ maxBodyBytes: 0 }), 'spec.compare.maxBodyBytes: 0 is not allowed; give a number of bytes from 1024 to 4194304'],
  [compare({ headers: 'None' }), 'spec.compare.headers: "None" is not allowed; give All, or a list of header names such as [content-type, location]'],
  [compare({ headers: ['a b'] }), 'spec.compare.headers[0]: "a b" is not allowed; give a header name'],
  [compare({ headers: 5 }), 'spec.compare.headers: 5 is not allowed; give All, or a list of header names such as [content-type, location]'],
  [ignore({}), `spec.compare.ignore[0]: ${ONE_OF}`],
  [ignore({ header: 'date', pointer: '/a' }), `spec.compare.ignore[0]: ${ONE_OF}`],
  [ignore({ pointer: 'a' }), `spec.compare.ignore[0].pointer: "a" is not allowed; ${POINTER}`],
  [ignore({ pointer: '/a~2' }), `spec.compare.ignore[0].pointer: "/a~2" is not allowed; ${POINTER}; write ~0 for ~ and ~1 for / in names`],
  [ignore({ pointer: '/a'.repeat(33) }), `spec.compare.ignore[0].pointer: "${'/a'.repeat(33)}" is not allowed; give a pointer of at most 32 elements`],
  [ignore({ header: 'a:' }), 'spec.compare.ignore[0].header: "a:" is not allowed; give a header name'],
  [ignore({ pattern: '' }), 'spec.compare.ignore[0].pattern: "" is not allowed; give a pattern for names of places, such as body /meta/.*'],
  [ignore({ pattern: '/meta/.*' }), 'spec.compare.ignore[0].pattern: "/meta/.*" is not allowed; give a pattern for names of places, such as body /meta/.*'],
  [ignore({ pattern: '(?=x)' }), `spec.compare.ignore[0].pattern: "(?=x)" is not allowed; ${RE2}: invalid or unsupported Perl syntax: \`(?=\``],
  [ignore(...many(65, { header: 'date' })), 'spec.compare.ignore: a list of 65 is not allowed; give a list of at most 64 entries'],
  [
    { ...ignore(...many(64, { pattern: 'status' })), matches: [{ path: { type: 'RegularExpression', value: '/a' } }] },
    'spec: give at most 64 patterns in matches, excludes and compare.ignore (here are 65)',
  ],
  [compare({ tolerance: [{ pointer: '/a' }] }), 'spec.compare.tolerance[0]: give absolute, relative or both'],
  [compare({ tolerance: [{ absolute: 1 }] }), `spec.compare.tolerance[0].pointer: missing; ${POINTER}`],
  [compare({ tolerance: [{ pointer: '/a', relative: 2 }] }), 'spec.compare.tolerance[0].relative: 2 is not allowed; give a number from 0 to 1, such as 0.01'],
  [compare({ tolerance: [{ pointer: '/a', absolute: -1 }] }), 'spec.compare.tolerance[0].absolute: -1 is not allowed; give a number from 0 to 1000000000000000'],
  [compare({ keyed: [{ pointer: 'items', key: '/id' }] }), `spec.compare.keyed[0].pointer: "items" is not allowed; ${LIST}`],
  [compare({ keyed: [{ pointer: '/items', key: 'id' }] }), `spec.compare.keyed[0].key: "id" is not allowed; ${KEY}`],
  [compare({ keyed: [{ pointer: '/items', key: '/~' }] }), `spec.compare.keyed[0].key: "/~" is not allowed; ${KEY}; write ~0 for ~ and ~1 for / in names`],
  [compare({ keyed: [{ pointer: '/items', key: '/ids/*' }] }), 'spec.compare.keyed[0].key: "/ids/*" is not allowed; give a key without *: each element has one'],
  [compare({ keyed: [{ pointer: '/items' }] }), `spec.compare.keyed[0].key: missing; ${KEY}`],
  [compare({ learnNoise: 1 }), 'spec.compare.learnNoise: 1 is not allowed; give true or false'],
  [compare({ examples: 'All' }), 'spec.compare.examples: "All" is not allowed; give one of Masked, Values, None'],
  [compare({ maxDifferentPercent: -0.1 }), `spec.compare.maxDifferentPercent: -0.1 is not allowed; ${PERCENT}`],
  [compare({ maxSlowdownPercent: '10%' }), 'spec.compare.maxSlowdownPercent: "10%" is not allowed; give a number from 0 to 1000'],
  [compare({ confidencePercent: 100 }), 'spec.compare.confidencePercent: 100 is not allowed; give a number from 80 to 99.9'],
  [compare({ minCompared: 0 }), 'spec.compare.minCompared: 0 is not allowed; give a number from 1 to 1000000'],
  [compare({ noise: [] }), 'spec.compare.noise: unknown field; known here: percent, maxPerSecond, maxBodyBytes, headers, ignore, tolerance, keyed, learnNoise, examples, maxDifferentPercent, maxSlowdownPercent, confidencePercent, minCompared'],
];
