import { chooseTap, probeNode, type NodeAbilities, type TapChoice } from '../tap/ebpf/probe.ts';

/** What a node can do, and which tap it gets; what `shadowtap doctor -o json` prints and `/doctor` serves. */
export type NodeReport = { readonly node: string } & NodeAbilities & TapChoice;

/** Looking takes some ten milliseconds of the main thread. */
const KEEP_MS = 60_000;

let last: { readonly report: NodeReport; readonly atMs: number } | null = null;

/** Main thread only. What was found out within the last minute is given again. */
export function nodeReport(): NodeReport {
  const nowMs = performance.now();
  if (last !== null && nowMs - last.atMs < KEEP_MS) return last.report;
  const abilities = probeNode();
  last = { report: { node: process.version, ...abilities, ...chooseTap(abilities) }, atMs: nowMs };
  return last.report;
}
