import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ControllerOptions } from '../../src/controller.ts';
import { agentStats } from '../support/agent-stats.ts';
import type { KubeObject } from '../support/cluster/objects.ts';
import { manifests } from '../support/manifests.ts';
import { GRPC_ROUTE_CRD, HTTP_ROUTE_CRD, VIRTUAL_SERVICE_CRD } from '../support/route-crds.ts';
import { createControllerScene, eventually, NAMESPACE, type ControllerScene } from './scene.ts';

const IMPORTS: ControllerOptions['imports'] = ['HTTPRoute', 'GRPCRoute', 'VirtualService'];
/** Of the first rule of a route called web. */
const IMPORTED = 'httproute.web.0';

let scene: ControllerScene;
beforeEach(async () => {
  scene = await createControllerScene();
  await scene.cluster.apply(...manifests('components/import/rbac'), HTTP_ROUTE_CRD, GRPC_ROUTE_CRD, VIRTUAL_SERVICE_CRD);
  await scene.applyService('checkout');
  await scene.applyService('next');
});
afterEach(async () => {
  await scene[Symbol.asyncDispose]();
});

function httpRoute(mirror: string | null, more: object = {}): KubeObject {
  const filters = mirror === null ? [] : [{ type: 'RequestMirror', requestMirror: { backendRef: { name: mirror, port: 80 } } }];
  const rule = { matches: [{ path: { type: 'PathPrefix', value: '/api' } }], filters, backendRefs: [{ name: 'checkout', port: 80 }], ...more };
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { namespace: NAMESPACE, name: 'web' },
    spec: { parentRefs: [{ name: 'gateway' }], hostnames: ['shop.example'], rules: [rule] },
  };
}

const GRPC_ROUTE: KubeObject = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'GRPCRoute',
  metadata: { namespace: NAMESPACE, name: 'calls' },
  spec: {
    parentRefs: [{ name: 'gateway' }],
    hostnames: ['shop.example'],
    rules: [{
      matches: [{ method: { service: 'shop.v1.Checkout' } }],
      filters: [{ type: 'RequestMirror', requestMirror: { backendRef: { name: 'next', port: 80 } } }],
      backendRefs: [{ name: 'checkout', port: 80 }],
    }],
  },
};

const VIRTUAL_SERVICE: KubeObject = {
  apiVersion: 'networking.istio.io/v1beta1',
  kind: 'VirtualService',
  metadata: { namespace: NAMESPACE, name: 'checkout' },
  spec: {
    hosts: ['checkout'],
    http: [{ route: [{ destination: { host: 'checkout', port: { number: 80 } } }], mirror: { host: 'next', port: { number: 80 } }, mirrorPercentage: { value: 25 } }],
  },
};

async function importedNames(): Promise<string[]> {
  const policies = await scene.cluster.list({ apiVersion: 'shadowtap.dev/v1alpha1', kind: 'MirrorPolicy' }, { labelSelector: 'app.kubernetes.io/managed-by=shadowtap' });
  return policies.map(({ metadata }) => metadata.name!).sort();
}

interface Spec {
  selector: { matchLabels?: object };
  targets: { backendRef: { name: string }; percent?: number }[];
  sample?: object;
  matches?: object[];
}

async function spec(name: string): Promise<Spec | undefined> {
  return (await scene.policyObject(name))?.['spec'] as Spec | undefined;
}

async function untilImported(name: string, target: string): Promise<void> {
  await eventually(async () => expect((await spec(name))?.targets[0]?.backendRef.name).toBe(target));
}

describe('imported routes', () => {
  it('are policies, which follow their routes and go with them', async () => {
    await scene.startAgent('node-a', agentStats('node-a', [{ policy: `${NAMESPACE}/${IMPORTED}`, pods: { 'shop/a': '' } }]));
    await scene.startController({ imports: IMPORTS });
    await scene.cluster.apply(httpRoute('next'), GRPC_ROUTE, VIRTUAL_SERVICE);
    await untilImported(IMPORTED, 'next');
    expect((await spec(IMPORTED))?.selector).toMatchObject({ matchLabels: { app: 'checkout' } });
    expect((await scene.policyObject(IMPORTED))?.metadata).toMatchObject({
      labels: { 'app.kubernetes.io/managed-by': 'shadowtap', 'shadowtap.dev/imported-from': 'httproute.shop.web' },
      annotations: { 'shadowtap.dev/imported-rule': 'HTTPRoute shop/web rule 0' },
    });
    await scene.untilConditions(IMPORTED, 'Accepted=True Accepted', 'ResolvedRefs=True ResolvedRefs', 'Imported=True Imported', 'Programmed=True Programmed', 'Degraded=False Healthy');
    await eventually(async () => expect(await importedNames()).toEqual(['grpcroute.calls.0', IMPORTED, 'virtualservice.checkout.0']));
    expect((await spec('grpcroute.calls.0'))?.matches).toMatchObject([{ grpc: { service: 'shop.v1.Checkout' } }]);
    expect((await spec('virtualservice.checkout.0'))?.targets[0]?.percent).toBe(25);

    await scene.applyService('later');
    await scene.cluster.apply(httpRoute('later'));
    await untilImported(IMPORTED, 'later');
    await scene.cluster.apply(httpRoute(null));
    await scene.cluster.delete(GRPC_ROUTE);
    await eventually(async () => expect(await importedNames()).toEqual(['virtualservice.checkout.0']));
    await scene.cluster.delete(VIRTUAL_SERVICE);
    await eventually(async () => expect(await importedNames()).toEqual([]));
    expect(scene.denials()).toEqual([]);
  });

  it('do not touch what somebody has made by the same name', async () => {
    const own = await scene.applyPolicy(IMPORTED);
    await scene.startController({ imports: IMPORTS });
    await scene.cluster.apply(httpRoute('next'));
    await scene.untilCondition(IMPORTED, 'Accepted=True Accepted');
    await sleep(1_000);
    const now = await scene.policyObject(IMPORTED);
    expect(now?.['spec']).toEqual(own['spec']);
    expect(now?.metadata).toMatchObject({ uid: own.metadata.uid, generation: 1 });
    expect(await scene.conditions(IMPORTED)).not.toContain('Imported=True Imported');
    expect(scene.faults.requests({ verb: 'patch', resource: 'mirrorpolicies', subresource: '', user: 'system:serviceaccount:shadowtap-system:shadowtap-controller' })).toEqual([]);
    await scene.cluster.delete(httpRoute('next'));
    await sleep(1_000);
    expect(await scene.policyObject(IMPORTED)).not.toBeNull();
  });

  it('are put right where somebody edits or deletes their policies', async () => {
    await scene.startController({ imports: IMPORTS });
    await scene.cluster.apply(httpRoute('next'));
    await untilImported(IMPORTED, 'next');
    const policy = (await scene.policyObject(IMPORTED))!;
    await scene.cluster.patch(policy, { spec: { targets: [{ backendRef: { name: 'mine', port: 80 } }], sample: { percent: 1 } } });
    await untilImported(IMPORTED, 'next');
    await scene.cluster.delete(policy);
    await untilImported(IMPORTED, 'next');
    expect((await scene.policyObject(IMPORTED))?.metadata.uid).not.toBe(policy.metadata.uid);
  });

  it('are written only where something is different', async () => {
    await scene.startController({ imports: IMPORTS });
    await scene.cluster.apply(httpRoute('next'));
    await untilImported(IMPORTED, 'next');
    await sleep(500);
    scene.faults.forgetRequests();
    await scene.applyService('unrelated');
    await sleep(1_500);
    expect(scene.faults.requests({ verb: 'patch', resource: 'mirrorpolicies', subresource: '' })).toEqual([]);
  });

  it('say what cannot be expressed', async () => {
    await scene.startController({ imports: IMPORTS });
    await scene.cluster.apply(httpRoute('missing'));
    await scene.untilCondition(IMPORTED, 'Accepted=False TargetNotFound');
    expect(await scene.conditions(IMPORTED)).toEqual(['Accepted=False TargetNotFound', 'Imported=False TargetNotFound', 'Programmed=False Invalid', 'Degraded=False Healthy']);
    expect((await scene.condition(IMPORTED, 'Imported')).message).toBe('there is no Service shop/missing for the copies');
    expect((await scene.policyObject(IMPORTED))?.metadata.annotations?.['shadowtap.dev/import-problems']).toBe('TargetNotFound: there is no Service shop/missing for the copies');
    await eventually(async () => expect(await scene.events(IMPORTED)).toEqual(['Refused: TargetNotFound: there is no Service shop/missing for the copies']));
    await scene.applyService('missing');
    await scene.untilCondition(IMPORTED, 'Imported=True Imported');
  });

  it('stay when the controller stops, and nothing is said or written anew when it starts', async () => {
    const first = await scene.startController({ imports: IMPORTS });
    await scene.cluster.apply(httpRoute('missing'));
    await scene.untilCondition(IMPORTED, 'Accepted=False TargetNotFound');
    const before = (await scene.policyObject(IMPORTED))!;
    await first.stop();
    expect(await scene.policyObject(IMPORTED)).toEqual(before);
    const second = await scene.startController({ imports: IMPORTS });
    await eventually(async () => expect(second.controller.stats().imported).toBe(1));
    await sleep(1_000);
    const { metadata, spec: asked, status } = (await scene.policyObject(IMPORTED))!;
    expect({ generation: metadata.generation, uid: metadata.uid, asked, status }).toEqual({
      generation: 1,
      uid: before.metadata.uid,
      asked: before['spec'],
      status: before['status'],
    });
    expect(await scene.events(IMPORTED)).toHaveLength(1);
  });

  it('are nobody’s business where import is off', async () => {
    const first = await scene.startController({ imports: IMPORTS });
    await scene.cluster.apply(httpRoute('next'));
    await untilImported(IMPORTED, 'next');
    await first.stop();
    await scene.cluster.delete(httpRoute('next'));
    scene.faults.forgetRequests();
    await scene.startController();
    await scene.applyPolicy('p');
    await scene.untilCondition('p', 'Accepted=True Accepted');
    await sleep(500);
    const user = 'system:serviceaccount:shadowtap-system:shadowtap-controller';
    expect(['httproutes', 'grpcroutes', 'virtualservices'].flatMap((resource) => scene.faults.requests({ resource, user }))).toEqual([]);
    expect(await importedNames()).toEqual([IMPORTED]);
    await scene.startController({ imports: ['VirtualService'], identity: 'two' });
    await sleep(500);
    expect(await importedNames()).toEqual([IMPORTED]);
  });

  it('wait for their type where it is missing, and keep what there is while it cannot be read', async () => {
    await scene.cluster.apply(httpRoute('next'));
    await scene.startController({ imports: IMPORTS });
    await untilImported(IMPORTED, 'next');
    scene.faults.answer({ resource: 'httproutes' }, { status: 500 });
    scene.faults.dropWatches({ resource: 'httproutes' }, 'reset');
    await sleep(1_500);
    expect(await importedNames()).toEqual([IMPORTED]);
    scene.faults.clear();
    await scene.cluster.delete(HTTP_ROUTE_CRD);
    await eventually(async () => expect(await importedNames()).toEqual([]));
    await scene.cluster.apply(HTTP_ROUTE_CRD, httpRoute('next'));
    await untilImported(IMPORTED, 'next');
  });
});
