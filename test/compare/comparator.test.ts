import { describe, expect, it } from 'vitest';
import { TABLE_BYTES, type AnswerDiffer } from '../../src/compare/comparator.ts';
import { ByteBudget } from '../../src/flow/budget.ts';
import { PathTemplates } from '../../src/sketch/path-templates.ts';
import { bytesRetained } from '../support/heap.ts';
import { answer, Bench, target } from './bench.ts';
import { question } from './differ-support.ts';

function onlyEndpoint(bench: Bench) {
  const [policy] = bench.comparator.data().policies;
  expect(policy!.endpoints).toHaveLength(1);
  return policy!.endpoints[0]!;
}

describe('the comparator', () => {
  it('counts exchanges by the places at which they differ', () => {
    const bench = new Bench();
    bench.exchange(question(), answer({ a: 1, b: 1 }), answer({ a: 1, b: 1 }));
    bench.exchange(question(), answer({ a: 1, b: 1 }), answer({ a: 2, b: 1 }));
    bench.exchange(question(), answer({ a: 1, b: 1 }), answer({ a: 2, b: 2 }));
    bench.exchange(question(), answer({ a: 1, b: 1 }), answer({ a: 2, b: 2 }, { status: 201 }));
    bench.exchange(question(), answer({ a: 1, b: 1 }), answer({}, { status: 500 }));
    const endpoint = onlyEndpoint(bench);
    expect(endpoint).toMatchObject({ method: 'GET', template: '/orders/{id}', compared: 5, repeats: 0 });
    expect(endpoint.places.map(({ where, differed }) => [where, differed])).toEqual([['body /a', 3], ['body /b', 2], ['status', 2]]);
    expect(endpoint.signatures).toEqual([{ places: [0], count: 1 }, { places: [0, 1], count: 1 }, { places: [0, 1, 2], count: 1 }, { places: [2], count: 1 }]);
    expect(endpoint.answers).toEqual({ production: { statuses: [0, 5, 0, 0, 0], errors: 0 }, mirror: { statuses: [0, 4, 0, 0, 1], errors: 1 } });
  });

  it('takes times of pairs whose answers are of the same class only', () => {
    const bench = new Bench();
    bench.exchange(question(), answer({}, { completeUs: 700 }), answer({}, { completeUs: 800 }));
    bench.exchange(question(), answer({}, { completeUs: 700 }), answer({}, { completeUs: 10, status: 503 }));
    bench.exchange(question(), answer({}, { completeUs: -1 }), answer({}));
    expect(onlyEndpoint(bench).latency).toEqual({ pairs: 1, sample: [bench.nowMs - 2_200, 700, 800] });
  });

  it('keeps three different examples of a place, and none where the policy wants none', () => {
    const play = (examples: boolean) => {
      const bench = new Bench([target({ examples })]);
      for (let i = 0; i < 20; i++) bench.exchange(question(), answer({ a: i % 5 }), answer({ a: 'other' }));
      return onlyEndpoint(bench).places[0]!.examples;
    };
    expect(play(true)).toEqual([0, 1, 2].map((i) => ({ production: String(i), mirror: '"other"' })));
    expect(play(false)).toEqual([]);
  });

  it('counts what is not compared by its reason, and failures of the mirror as its errors', () => {
    const bench = new Bench();
    bench.comparator.skip('v2', question(), answer({}), 'failed');
    bench.comparator.skip('v2', question(), answer({}, { status: 502 }), 'too-large');
    bench.comparator.skip('v2', question(), null, 'no-answer');
    bench.comparator.skip('v2', null, null, 'memory');
    expect(bench.comparator.compare('v2', question(), answer({ a: 1 }, { headers: ['content-encoding', 'gzip'] }), answer({}))).toBe('encoding');
    expect(bench.comparator.compare('nobody', question(), answer({}), answer({}))).toBeNull();
    expect(onlyEndpoint(bench)).toMatchObject({
      compared: 0,
      notCompared: { encoding: 1, failed: 1, 'no-answer': 1, 'too-large': 1 },
      answers: { production: { statuses: [0, 1, 0, 0, 0], errors: 0 }, mirror: { statuses: [0, 0, 0, 0, 0], errors: 1 } },
    });
    expect(bench.comparator.data().policies[0]!.notCompared).toEqual({ memory: 1 });
  });

  it('does not compare where only one side says that what the client has is still good', () => {
    const bench = new Bench();
    bench.exchange(question(), answer(null, { status: 304 }), answer({ a: 1 }, { status: 200 }));
    bench.exchange(question(), answer({ a: 1 }, { status: 200 }), answer(null, { status: 304 }));
    bench.exchange(question(), answer(null, { status: 304 }), answer(null, { status: 304 }));
    bench.exchange(question(), answer(null, { status: 304 }), answer(null, { status: 500 }));
    expect(onlyEndpoint(bench)).toMatchObject({ compared: 2, notCompared: { conditional: 2 }, places: [{ where: 'status', differed: 1 }] });
  });

  it('knows errors of gRPC by their status, wherever it stands', () => {
    const bench = new Bench();
    const call = question({ grpc: true });
    bench.exchange(call, answer(null, { trailers: ['grpc-status', '0'] }), answer(null, { trailers: ['grpc-status', '13'] }));
    bench.exchange(call, answer(null, { trailers: ['grpc-status', '5'] }), answer(null, { headers: ['Grpc-Status', '14'] }));
    expect(onlyEndpoint(bench).answers).toMatchObject({ production: { errors: 0 }, mirror: { errors: 2 } });
  });

  it('counts on while key and rules stay, and afresh where they change', () => {
    const bench = new Bench();
    bench.exchange(question(), answer({ a: 1 }), answer({ a: 2 }));
    bench.comparator.configure([target({ examples: false })]);
    bench.exchange(question(), answer({ a: 1 }), answer({ a: 2 }));
    expect(onlyEndpoint(bench).compared).toBe(2);
    const [before] = bench.comparator.data().policies;
    bench.comparator.configure([target({ rules: 'ignore more' })]);
    bench.exchange(question(), answer({ a: 1 }), answer({ a: 2 }));
    const [after] = bench.comparator.data().policies;
    expect(after!.endpoints[0]!.compared).toBe(1);
    expect(after!.rules).not.toBe(before!.rules);
    expect(after!.sinceMs).toBeGreaterThan(before!.sinceMs);
    bench.comparator.configure([]);
    expect(bench.comparator.data()).toEqual({ policies: [] });
    expect(bench.memory.used).toBe(0);
  });

  it('joins endpoints whose templates turn out to be one', () => {
    const templates = new PathTemplates();
    const bench = new Bench([target()], { fold: (template) => templates.of(template) });
    for (let i = 0; i < 400; i++) {
      const path = `/articles/${'abcdefghij'[i % 10]}${'klmnopqrst'[Math.floor(i / 10) % 10]}${'uvwx'[Math.floor(i / 100)]}`;
      bench.exchange(question({ template: templates.of(path) }), answer({ a: i % 2 }), answer({ a: 0 }));
    }
    const endpoints = bench.comparator.data().policies[0]!.endpoints;
    expect(endpoints.map(({ template }) => template)).toEqual(['/articles/{value}']);
    expect(endpoints[0]).toMatchObject({ compared: 400, places: [{ where: 'body /a', differed: 200 }], signatures: [{ places: [0], count: 200 }] });
  });
});

describe('what production says of itself', () => {
  const GET = question({ key: 'GET /orders/1 of anna' });

  it('is learnt from equal requests only', () => {
    const bench = new Bench();
    const play = (key: string, value: number): void => bench.exchange(question({ key }), answer({ a: value, b: 1 }), answer({ a: 0, b: 1 }));
    play('anna', 1);
    play('bert', 2);
    play('', 3);
    play('', 4);
    expect(onlyEndpoint(bench).repeats).toBe(0);
    play('anna', 1);
    play('bert', 5);
    expect(onlyEndpoint(bench)).toMatchObject({ repeats: 2, places: [{ where: 'body /a', varied: 1, differed: 6 }] });
  });

  it('is not learnt from one exchange that goes to two mirrors', () => {
    const bench = new Bench([target(), target({ key: 'v3', target: 'http://v3' })]);
    for (const key of ['v2', 'v3']) bench.exchange(GET, answer({ a: 1 }), answer({ a: 1 }), key);
    expect(bench.comparator.data().policies.map(({ endpoints }) => endpoints[0]!.repeats)).toEqual([0, 0]);
  });

  it('is not learnt from answers that are more than a minute apart', () => {
    const bench = new Bench();
    bench.exchange(GET, answer({ a: 1 }), answer({ a: 1 }));
    bench.nowMs += 60_000;
    bench.exchange(GET, answer({ a: 2 }), answer({ a: 2 }));
    expect(onlyEndpoint(bench)).toMatchObject({ repeats: 0, places: [] });
    bench.exchange(GET, answer({ a: 3 }), answer({ a: 3 }));
    expect(onlyEndpoint(bench)).toMatchObject({ repeats: 1, places: [{ varied: 1, differed: 0 }] });
  });

  it('is not learnt where the policy does not want it, or while time is short', () => {
    const bench = new Bench([target({ learnNoise: false })]);
    const twice = (): void => [1, 2].forEach((a) => bench.exchange(GET, answer({ a }), answer({ a })));
    twice();
    expect(onlyEndpoint(bench).repeats).toBe(0);
    bench.comparator.configure([target()]);
    bench.comparator.pressed = true;
    twice();
    expect(onlyEndpoint(bench).repeats).toBe(0);
    expect(bench.comparator.repeatsSpared).toBe(2);
    bench.comparator.pressed = false;
    twice();
    expect(onlyEndpoint(bench).repeats).toBe(1);
  });

  it('costs ever less: first every repeat is compared, then few', () => {
    const bench = new Bench();
    for (let i = 0; i < 4_000; i++) bench.exchange(GET, answer({ a: i }), answer({ a: 0 }));
    const { repeats } = onlyEndpoint(bench);
    expect(repeats).toBeGreaterThan(500);
    expect(repeats).toBeLessThan(900);
    expect(bench.comparator.repeats + bench.comparator.repeatsSpared).toBe(3_999);
  });

  it('is learnt from repeats a second apart, once a few are known', () => {
    const bench = new Bench();
    for (let i = 0; i < 1_000; i++) {
      bench.nowMs += 10 - 1_100;
      bench.exchange(GET, answer({ a: i }), answer({ a: 0 }));
    }
    expect(onlyEndpoint(bench).repeats).toBeGreaterThanOrEqual(20 + 8);
    expect(onlyEndpoint(bench).repeats).toBeLessThanOrEqual(20 + 10);
  });

  it('is kept within the memory that captured content leaves over, and given back when that runs short', () => {
    const bench = new Bench([target()], { memory: new ByteBudget(1_000_000) });
    const play = (i: number): void => bench.exchange(question({ key: `/${i}` }), answer({ text: 'x'.repeat(10_000) }), answer({}));
    for (let i = 0; i < 1_000; i++) play(i);
    expect(bench.memory.used).toBeGreaterThan(400_000);
    expect(bench.memory.used).toBeLessThan(500_000);
    bench.memory.take(300_000);
    play(1_001);
    expect(bench.memory.used - 300_000).toBeLessThan(18_000);
    bench.comparator.skip('v2', question(), answer({}), 'memory');
    expect(bench.memory.used).toBe(300_000);
  });
});

describe('the memory of the comparator', () => {
  it('has a bound, whatever comes', { timeout: 60_000 }, () => {
    let made = 0;
    const text = (length: number): string => `${made++} `.repeat(length).slice(0, length);
    const hostile: AnswerDiffer = {
      differences: () => Array.from({ length: 60 }, () => ({ where: text(300), kind: 'field' as const, production: text(80), mirror: text(80), random: false })),
    };
    const bench = new Bench([target({ differ: hostile })]);
    const taken = bytesRetained(() => {
      for (let i = 0; i < 5_000; i++) {
        const asked = question({ template: `/${'deep/'.repeat(20)}${i % 300}`, key: String(i % 50) });
        bench.comparator.compare('v2', asked, answer({}), answer({}));
      }
      return bench;
    });
    expect(taken).toBeGreaterThan(TABLE_BYTES / 2);
    expect(taken).toBeLessThan(TABLE_BYTES * 1.1);
    const [policy] = bench.comparator.data().policies;
    expect(policy!.endpoints.length).toBeLessThanOrEqual(257);
    expect(Math.max(...policy!.endpoints.map(({ places }) => places.length))).toBeLessThanOrEqual(128);
    expect(Math.max(...policy!.endpoints.map(({ signatures }) => signatures.length))).toBeLessThanOrEqual(64);
    const others = policy!.endpoints.find(({ template }) => template === 'others')!;
    expect(policy!.folded).toBe(others.compared);
    expect(policy!.endpoints.reduce((sum, { compared }) => sum + compared, 0)).toBe(5_000);
    bench.comparator.configure([]);
    expect(bench.memory.used).toBe(0);
  });

  it('leaves the places that vary by themselves out of signatures where those become too many, and loses no count', () => {
    const bench = new Bench();
    const noisy = (i: number, salt: number) => Object.fromEntries(Array.from({ length: 9 }, (_, k) => [`noise${k}`, ((i * 7 + salt * 13 + 1) >> k) & 1]));
    for (let i = 0; i < 4_000; i++) {
      bench.exchange(question({ key: String(i % 3) }), answer({ ...noisy(i, i % 11), price: 1 }), answer({ ...noisy(i, i % 17), price: i % 100 === 0 ? 2 : 1 }));
    }
    const { signatures, places } = onlyEndpoint(bench);
    expect(signatures.length).toBeLessThanOrEqual(64);
    const price = places.findIndex(({ where }) => where === 'body /price');
    expect(places[price]).toMatchObject({ differed: 40, unlisted: 0, varied: 0 });
    expect(signatures.filter(({ places: at }) => at.includes(price)).reduce((sum, { count }) => sum + count, 0)).toBe(40);
    for (const [i, { differed, unlisted }] of places.entries()) {
      expect(signatures.filter(({ places: at }) => at.includes(i)).reduce((sum, { count }) => sum + count, unlisted)).toBe(differed);
    }
  });
});
