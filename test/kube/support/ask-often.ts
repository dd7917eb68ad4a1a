/** Run as a program, which has nothing else in its memory: asks some thousand times, and tells by how many bytes its heap has grown. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../../../src/kube/api-client.ts';
import { bytesRetained } from '../../support/heap.ts';

const [kubeconfig = ''] = process.argv.slice(2);
const api = ApiClient.fromKubeconfig(kubeconfig);

async function heapAfter(requests: number): Promise<number> {
  for (let i = 0; i < requests; i += 25) await Promise.all(Array.from({ length: 25 }, () => api.call({ path: '/version' })));
  // What waits for a collection in two steps has its time.
  for (let i = 0; i < 3; i++) {
    bytesRetained(() => null);
    await sleep(20);
  }
  return process.memoryUsage().heapUsed;
}

const before = await heapAfter(1_000);
const after = await heapAfter(2_000);
await api.close();
process.stdout.write(String(after - before));
