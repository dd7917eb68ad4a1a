import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Pod } from '../network.ts';
import type { Running } from '../process.ts';

const PROGRAM = fileURLToPath(new URL('./mesh-proxy-process.ts', import.meta.url));

/** Istio's port for what comes in. */
const INBOUND_PORT = 15006;

export interface MeshProxyOptions {
  /** The app's port, on which clients connect. */
  readonly port: number;
  /** Where the proxy reaches the app: the pod's own address or 127.0.0.1. */
  readonly app: string;
}

/**
 * Puts a proxy that ends TLS before the app of a pod, as a mesh does: connections that come in at `eth0` for the app's port
 * are redirected to it in the pod's own namespace. Resolves when it listens; disposing of it ends it.
 */
export async function startMeshProxy(pod: Pod, { port, app }: MeshProxyOptions): Promise<Running> {
  const proxy = pod.start(process.execPath, [PROGRAM, String(INBOUND_PORT), app, String(port)]);
  const ended = proxy.finished.then(({ stderr }) => Promise.reject(new Error(`the mesh's proxy did not start: ${stderr}`)));
  ended.catch(() => {});
  await Promise.race([once(proxy.child.stdout!, 'data'), ended]);
  const redirect = `table inet mesh { chain inbound { type nat hook prerouting priority dstnat; iifname "eth0" tcp dport ${port} redirect to :${INBOUND_PORT}; }; }`;
  await pod.exec('nft', redirect);
  return proxy;
}
