/**
 * The capturing process. It has one thread that libpcap keeps to itself for as long as packets come, and it outlives
 * neither its parent nor its own first error.
 */
import { messageOf, ShadowtapError } from '../../errors.ts';
import { mapShared } from '../ebpf/libbpf.ts';
import { SHARED_DATA_OFFSET } from '../ring/abi.ts';
import { MuteQueue } from '../ring/mute-queue.ts';
import type { Endpoint } from '../tap.ts';
import type { CaptureContext, EndpointCapture } from './capture.ts';
import { MonotonicClock } from './clock.ts';
import { Copier, type RingEnd } from './copier.ts';
import { counterIndex, COUNTER_BYTES } from './counters.ts';
import { COUNTERS_FD, FIRST_RING_FD, type Command, type Report, type Settings } from './messages.ts';
import { RingWriter } from './ring-writer.ts';

const LOST = counterIndex('lost');
const HOUSEKEEPING_MS = 500;

const parent = process.ppid;
const captures = new Map<number, EndpointCapture>();
let context: CaptureContext | null = null;
let openCapture: ((endpoint: Endpoint, context: CaptureContext) => EndpointCapture) | null = null;
/** Losses of sessions that are closed, and of earlier processes. */
let lostBefore = 0;

/** The agent decides when to end, also when a terminal's Ctrl-C reaches both of us. */
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
/** The channel closes when the agent ends, however it ends. */
process.on('disconnect', () => process.exit(0));
process.on('message', (command: Command) => {
  void obey(command).then(
    () => send({ type: 'done', request: command.request }),
    (error: unknown) => {
      const code = error instanceof ShadowtapError ? error.code : 'INTERNAL';
      send({ type: 'failed', request: command.request, code, message: messageOf(error) });
    },
  );
});

async function obey(command: Command): Promise<void> {
  switch (command.type) {
    case 'start':
      return start(command.settings);
    case 'attach':
      return attach(command.endpoint);
    case 'detach':
      return detach(command.endpointId);
  }
}

async function start(settings: Settings): Promise<void> {
  // Here and not above, so that a native module that does not load is an answer and not the end of the process.
  const { EndpointCapture } = await import('./capture.ts');
  openCapture = (endpoint, context) => new EndpointCapture(endpoint, context);
  const counters = new Float64Array(mapShared(COUNTERS_FD, 0, COUNTER_BYTES, true).memory);
  lostBefore = counters[LOST]!;
  const clock = new MonotonicClock();
  const copier = new Copier(
    Array.from({ length: settings.rings }, (_, ring) => ringEnd(ring, settings.ringBytes)),
    counters,
  );
  const look = (): void => {
    if (process.ppid !== parent) process.exit(0); // While packets come without end, no event is heard.
    copier.takeMutes();
  };
  context = { copier, counters, clock, bufferBytes: settings.bufferBytes, look };
  setInterval(() => {
    clock.check();
    copier.takeMutes();
    countLost(counters);
  }, HOUSEKEEPING_MS);
}

function ringEnd(ring: number, bytes: number): RingEnd {
  const { memory } = mapShared(FIRST_RING_FD + ring, 0, SHARED_DATA_OFFSET + bytes, true);
  return { writer: new RingWriter(memory, bytes), mutes: new MuteQueue(memory), wake: () => send({ type: 'wake', ring }) };
}

/** The same endpoint once more with other ports is opened anew. */
function attach(endpoint: Endpoint): void {
  if (context === null || openCapture === null) throw new ShadowtapError('INTERNAL', 'attach came before start');
  const known = captures.get(endpoint.id);
  if (known !== undefined && isSame(known.endpoint, endpoint)) return;
  detach(endpoint.id);
  captures.set(endpoint.id, openCapture(endpoint, context));
}

function isSame(a: Endpoint, b: Endpoint): boolean {
  return JSON.stringify([a.ports, a.location]) === JSON.stringify([b.ports, b.location]);
}

function detach(id: number): void {
  const capture = captures.get(id);
  if (capture === undefined) return;
  captures.delete(id);
  capture.close();
  lostBefore += capture.lost();
}

function countLost(counters: Float64Array): void {
  let lost = lostBefore;
  for (const capture of captures.values()) lost += capture.lost();
  counters[LOST] = lost;
}

function send(report: Report): void {
  process.send?.(report);
}
