import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupLabels, labelledPods, type LabelledPods } from '../../src/kube/label-mode.ts';
import type { PodFacts } from '../../src/kube/objects.ts';
import { selects } from '../../src/policy/selector.ts';
import { lookup, pod, service } from './support/objects.ts';

const KNOWN = lookup({
  services: [
    service('shop/next'),
    service('stock/next', { ports: [{ port: 8080 }] }),
    service('shop/wide', { ports: [{ name: 'a', port: 80 }, { name: 'b', port: 81 }] }),
    service('shop/dns', { ports: [{ name: 'udp', port: 53, protocol: 'UDP' }, { name: 'tcp', port: 54 }] }),
  ],
});

interface Asked {
  readonly port?: string;
  readonly percent?: string;
  readonly methods?: string;
}

function labelled(to: string, { port, percent, methods }: Asked = {}, place = 'shop/a'): PodFacts {
  const annotations = {
    ...(port !== undefined && { 'shadowtap.dev/mirror-port': port }),
    ...(percent !== undefined && { 'shadowtap.dev/mirror-percent': percent }),
    ...(methods !== undefined && { 'shadowtap.dev/mirror-methods': methods }),
  };
  return pod(place, { app: 'x', 'shadowtap.dev/mirror-to': to }, { annotations });
}

function only(facts: PodFacts): LabelledPods {
  const groups = labelledPods([facts], KNOWN);
  const [group] = groups;
  if (group === undefined || groups.length > 1) throw new Error(`${groups.length} groups`);
  return group;
}

function specOf(facts: PodFacts): object {
  const { policy } = only(facts);
  return 'reason' in policy ? policy : { ...policy.spec };
}

describe('a pod with the label', () => {
  it('is mirrored to the Service that it names, all of it, at the only port that the Service has', () => {
    expect(only(labelled('next'))).toMatchObject({
      namespace: 'shop',
      name: 'label:next',
      policy: {
        metadata: { namespace: 'shop', name: 'label:next' },
        spec: { methods: 'All', targets: [{ backendRef: { name: 'next', port: 80 } }] },
      },
    });
    expect(specOf(labelled('next'))).not.toHaveProperty('sample');
    expect(specOf(labelled('dns'))).toMatchObject({ targets: [{ backendRef: { port: 54 } }] });
  });

  it('may name a Service of another namespace, which is judged as every reference is', () => {
    expect(specOf(labelled('next.stock'))).toMatchObject({ targets: [{ backendRef: { name: 'next', namespace: 'stock', port: 8080 } }] });
    expect(specOf(labelled('next.shop'))).not.toHaveProperty('targets.0.backendRef.namespace');
  });

  it('may give port, share and methods by annotations', () => {
    expect(specOf(labelled('wide', { port: '81', percent: '12.5', methods: 'Safe' }))).toMatchObject({
      targets: [{ backendRef: { port: 81 } }],
      sample: { percent: 12.5 },
      methods: 'Safe',
    });
    expect(specOf(labelled('next', { methods: 'GET, POST' }))).toMatchObject({ methods: ['GET', 'POST'] });
    // A port that is given need not be known yet.
    expect(specOf(labelled('later', { port: '80' }))).toMatchObject({ targets: [{ backendRef: { name: 'later', port: 80 } }] });
  });

  it.each([
    ['next.stock.svc', {}, 'Invalid', 'label shadowtap.dev/mirror-to: give <service> or <service>.<namespace>'],
    ['', {}, 'Invalid', 'label shadowtap.dev/mirror-to: give <service>'],
    ['.stock', {}, 'Invalid', 'label shadowtap.dev/mirror-to: give <service>'],
    ['Next', { port: '80' }, 'Invalid', 'label shadowtap.dev/mirror-to: "Next" is not allowed'],
    ['next.', { port: '80' }, 'Invalid', 'label shadowtap.dev/mirror-to: "" is not allowed'],
    ['none', {}, 'BackendNotFound', 'there is no Service shop/none'],
    ['wide', {}, 'PortNotFound', 'Service shop/wide has 2 TCP ports; name one with the annotation shadowtap.dev/mirror-port'],
    ['next', { port: 'http' }, 'Invalid', 'annotation shadowtap.dev/mirror-port:'],
    ['next', { port: '65536' }, 'Invalid', 'annotation shadowtap.dev/mirror-port: 65536 is not allowed; give a port number'],
    ['next', { port: '0x50' }, 'Invalid', 'annotation shadowtap.dev/mirror-port:'],
    ['next', { percent: '101' }, 'Invalid', 'annotation shadowtap.dev/mirror-percent: 101 is not allowed; give a number from 0 to 100'],
    ['next', { percent: '10%' }, 'Invalid', 'annotation shadowtap.dev/mirror-percent:'],
    ['next', { percent: '-1' }, 'Invalid', 'annotation shadowtap.dev/mirror-percent:'],
    ['next', { percent: '' }, 'Invalid', 'annotation shadowtap.dev/mirror-percent:'],
    ['next', { methods: 'get' }, 'Invalid', 'annotation shadowtap.dev/mirror-methods:'],
    ['next', { methods: '' }, 'Invalid', 'annotation shadowtap.dev/mirror-methods:'],
  ] as const)('is refused with the place where it is wrong: %j %j', (to, asked, reason, message) => {
    const { policy } = only(labelled(to, asked));
    expect(policy).toMatchObject({ reason, message: expect.stringContaining(message) });
  });

  it('is left alone where it has only annotations', () => {
    expect(labelledPods([pod('shop/a', { app: 'x' }, { annotations: { 'shadowtap.dev/mirror-port': '80' } })], KNOWN)).toEqual([]);
  });
});

describe('pods that ask for the same', () => {
  it('are one group, and others are groups of their own, in each namespace', () => {
    const pods = [labelled('next', {}, 'shop/a'), labelled('next', {}, 'shop/b'), labelled('next', { percent: '5' }, 'shop/c'), labelled('next', {}, 'stock/d')];
    expect(labelledPods(pods, KNOWN).map(({ namespace, name, pods: members }) => [namespace, name, members.length])).toEqual([
      ['shop', 'label:next', 2],
      ['shop', 'label:next::5', 1],
      ['stock', 'label:next', 1],
    ]);
  });

  it('never share a group with one that asks for something else, however it is written', () => {
    const long = 'GET,HEAD,OPTIONS,POST,PUT,PATCH,DELETE,PROPFIND,PROPPATCH,MKCOL,COPY';
    const asked: Asked[] = [{}, { port: '' }, { port: '80' }, { percent: '80' }, { port: ':80' }, { port: '80:5' }, { port: '80', percent: '5' }, { percent: '5%' }, { percent: '5?' }, { methods: long }, { methods: `${long},MOVE` }];
    const names = labelledPods(asked.map((one, i) => labelled('next', one, `shop/p${i}`)), KNOWN).map(({ name }) => name);
    expect(new Set(names).size).toBe(asked.length);
  });

  it('are named alike if, and only if, they ask for the same, in letters that are safe in logs and metrics', () => {
    const text = fc.option(fc.oneof(fc.constantFrom('', '80', ':', '5:', 'GET', 'GET,POST'), fc.string({ unit: 'binary', maxLength: 300 })), { nil: undefined });
    const asked = fc.record({ port: text, percent: text, methods: text });
    const given = (one: Record<string, string | undefined>): PodFacts =>
      labelled('next', Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined)));
    const property = fc.property(asked, asked, (one, other) => {
      const [a, b] = [only(given(one)).name, only(given(other)).name];
      expect(a).toMatch(/^label:[\w.:,?-]{1,300}$/);
      expect(a === b).toBe(JSON.stringify(given(one).annotations) === JSON.stringify(given(other).annotations));
    });
    fc.assert(property, { numRuns: 3_000, interruptAfterTimeLimit: 3_000 });
  });

  it('are selected by the policy of their group alone', () => {
    const pods = [labelled('next', {}, 'shop/a'), labelled('next', { percent: '5' }, 'shop/b'), pod('shop/c', { app: 'x' })];
    for (const group of labelledPods(pods, KNOWN)) {
      if ('reason' in group.policy) throw new Error(group.policy.message);
      const { selector } = group.policy.spec;
      expect(pods.filter((one) => selects(selector, { ...one.labels, ...groupLabels(one) }))).toEqual(group.pods);
    }
  });
});
