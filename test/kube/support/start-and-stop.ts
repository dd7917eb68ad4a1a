/** Run as a program: follows objects in several states, stops, and tells what is left in the process. It must then end by itself. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Following, SETTINGS } from './following.ts';

const [kubeconfig = '', unreachable = ''] = process.argv.slice(2);
const all = [
  new Following({ kubeconfig, resource: SETTINGS, selection: {} }),
  new Following({ kubeconfig, resource: { ...SETTINGS, path: '/api/v1/nothing', optional: true }, selection: {}, timing: { missingMs: 60_000 } }),
  new Following({ kubeconfig, resource: SETTINGS, selection: null }),
  new Following({ kubeconfig: unreachable, resource: SETTINGS, selection: {}, timing: { backOffMs: [60_000, 60_000] } }),
];
const wanted = ['following', 'missing', 'idle', 'failing'];
const states = (): string[] => all.map(({ reflector }) => reflector.status().state);
while (states().join() !== wanted.join()) await sleep(20);
await Promise.all(all.map((one) => one[Symbol.asyncDispose]()));
await sleep(0);
process.stdout.write(JSON.stringify({ states: states(), left: process.getActiveResourcesInfo().filter((name) => name !== 'PipeWrap') }));
