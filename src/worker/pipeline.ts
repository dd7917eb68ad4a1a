import type { ByteBudget } from '../flow/budget.ts';
import { KeepBody } from '../http/body.ts';
import type { BodySink, DecoderOutcome, Exchange, ExchangeHandler, HttpMessage } from '../http/exchange.ts';
import type { OutcomeRow, WorkerAccount } from '../ledger/ledger.ts';
import { isGrpc } from '../http/grpc.ts';
import { outcomeSlot, type ReasonOf } from '../ledger/outcomes.ts';
import type { CopyListener } from '../mirror/copy.ts';
import type { CopySink } from '../mirror/emitter.ts';
import type { LiveFeed } from '../mirror/live-copy.ts';
import { endCopy } from '../mirror/prepare-copy.ts';
import { Router } from '../policy/router.ts';
import { Verdict } from '../policy/verdict.ts';
import type { Recorder } from '../record/recorder.ts';
import { Admission } from './admission.ts';
import { LiveCall } from './live-call.ts';
import { MemoryGuard } from './memory-guard.ts';
import type { Pair } from './pair.ts';
import type { Pairing } from './pairing.ts';
import { Recording } from './recording.ts';
import type { CompiledSnapshot } from './targets.ts';
import { Tee } from './tee.ts';
import { Ticket } from './ticket.ts';

const UNMATCHED = outcomeSlot('unmatched', '');
const OFF = outcomeSlot('off', 'kill-switch');
const TOO_LARGE = outcomeSlot('too-large', '');
const PRESSURE = outcomeSlot('shed', 'pressure');
const NO_MEMORY = outcomeSlot('shed', 'memory');

/** No governor. */
const ALL = Float64Array.of(1);

/** Context of an exchange whose request is settled and needs nothing more. */
const SETTLED = { settled: true } as const;

export interface PipelineOptions {
  /** The governor's: one number, the share of admitted requests that may be mirrored. */
  readonly share?: Float64Array;
  /** Not given: file targets are the emitter's too, as in a dry run. */
  readonly recorder?: Recorder | null;
  /** Not given: no answers are compared. */
  readonly pairing?: Pairing | null;
}

/**
 * The middle of the line: takes exchanges from the decoder, asks the policies, keeps the content of admitted requests,
 * hands whole requests to the emitter, and sees to it that each request is settled once in the ledger.
 */
export class Pipeline implements ExchangeHandler {
  readonly #account: WorkerAccount;
  readonly #emitter: CopySink;
  readonly #recorder: Recorder | null;
  readonly #pairing: Pairing | null;
  readonly #budget: ByteBudget;
  readonly #memory: MemoryGuard;
  readonly #verdict = new Verdict();
  readonly #marker: string;
  readonly #share: Float64Array;
  #snapshot: CompiledSnapshot;
  #router: Router;

  /**
   * @param marker lower-case name of the header that marks copies
   */
  constructor(account: WorkerAccount, emitter: CopySink, budget: ByteBudget, snapshot: CompiledSnapshot, marker: string, options: PipelineOptions = {}) {
    const { share = ALL, recorder = null, pairing = null } = options;
    this.#account = account;
    this.#emitter = emitter;
    this.#recorder = recorder;
    this.#pairing = pairing;
    this.#budget = budget;
    this.#memory = new MemoryGuard(budget);
    this.#marker = marker;
    this.#share = share;
    this.#snapshot = snapshot;
    this.#router = routerOf(snapshot, marker);
    emitter.configure(snapshot.targets);
    recorder?.configure(snapshot.records);
    pairing?.configure(snapshot.compared);
  }

  /** Requests whose head came before keep the verdict that they got. */
  apply(snapshot: CompiledSnapshot): void {
    this.#router = routerOf(snapshot, this.#marker);
    this.#snapshot = snapshot;
    this.#emitter.configure(snapshot.targets);
    this.#recorder?.configure(snapshot.records);
    this.#pairing?.configure(snapshot.compared);
  }

  onRequestHead(exchange: Exchange): void {
    this.#account.open();
    const request = exchange.request!;
    const verdict = this.#verdict;
    this.#router.route(exchange, exchange.flow.endpoint, exchange.flow.serverPort, verdict);
    const row = this.#rowOf(verdict.policy);
    if (this.#snapshot.off) return settleAtOnce(exchange, row, OFF);
    if (verdict.targets.length === 0) return settleAtOnce(exchange, row, verdict.slot);
    if (this.#share[0]! < 1 && Math.random() >= this.#share[0]!) return settleAtOnce(exchange, row, PRESSURE);
    if (request.declaredLength > verdict.maxBodyBytes) return settleAtOnce(exchange, row, TOO_LARGE);
    if (!this.#memory.admits(exchange) || !this.#keepHead(request)) return settleAtOnce(exchange, row, NO_MEMORY);
    const records = verdict.targets.some((target) => this.#records(target));
    const isLive = this.#goesLive(exchange, verdict);
    const body = request.framing === 'none' || (isLive && !records) ? null : new KeepBody(verdict.maxBodyBytes, this.#budget);
    request.sink = body;
    const ticket = new Ticket(row, body === null ? null : () => body.release());
    const recording = records ? new Recording(ticket, body, verdict.maxBodyBytes) : null;
    if (exchange.response?.charged === 0) recording?.starve();
    const pair = this.#pairing?.open(exchange, verdict.targets, this.#snapshot.compared) ?? null;
    const admission = new Admission(ticket, this.#snapshot, verdict.targets.slice(), body, recording, pair);
    exchange.context = admission;
    if (isLive) this.#beginLive(exchange, admission, verdict.maxBodyBytes);
  }

  onRequest(exchange: Exchange): void {
    const request = exchange.request!;
    const admission = exchange.context;
    if (!(admission instanceof Admission)) return request.dropHead();
    if (admission.live.length > 0) return this.#endLive(exchange, admission);
    exchange.context = SETTLED;
    const { ticket, body, snapshot, recording, pair } = admission;
    if (body !== null && body.state !== 'kept') {
      return this.#abandon(exchange, admission, body.state === 'too-large' ? TOO_LARGE : NO_MEMORY);
    }
    // A snapshot that came meanwhile may number its targets otherwise, and means to stop what it no longer names.
    const targets = snapshot === this.#snapshot ? admission.targets : this.#stillNamed(admission);
    if (targets.length === 0) return this.#abandon(exchange, admission, this.#snapshot.off ? OFF : UNMATCHED);
    const content = body === null ? null : body.bytes();
    const nowMs = performance.now();
    if (recording !== null || pair !== null) exchange.context = admission;
    // Its trailers have come.
    if (recording !== null && !this.#keepHead(request)) recording.starve();
    pair?.onRequest(request, content, nowMs);
    ticket.expectCopies(targets.length);
    for (const target of targets) {
      const queue = recording === null ? null : this.#recorder!.queue(target);
      if (queue === null) this.#emitter.offer(target, request, content, nowMs, this.#listener(admission, target), exchange.flow);
      else recording!.queues.push(queue);
    }
    pair?.seal(nowMs);
    if (recording === null) this.#dropHead(request);
  }

  onRequestLost<O extends DecoderOutcome>(exchange: Exchange, outcome: O, reason: ReasonOf<O>): void {
    const context = exchange.context;
    exchange.context = SETTLED;
    const slot = outcomeSlot(outcome, reason);
    if (context instanceof Admission) return context.live.length > 0 ? this.#loseLive(exchange, context, slot) : this.#abandon(exchange, context, slot);
    exchange.request?.dropHead();
    if (context !== null) return;
    this.#account.open();
    this.#account.unattributed[slot]! += 1;
  }

  /** Responses are parsed for the framing of what follows them; their content is kept where it is recorded. */
  onResponseHead(exchange: Exchange): void {
    const response = exchange.response!;
    const recording = recordingOf(exchange);
    if (exchange.context instanceof Admission) for (const call of exchange.context.live) call.proceed();
    // A request that is answered before its head has come may yet be recorded.
    const wanted = recording !== null || (exchange.context === null && this.#recorder !== null);
    const kept = wanted && this.#keepHead(response);
    if (kept) recording?.keepResponse(response, this.#budget);
    else recording?.starve();
    pairOf(exchange)?.onResponseHead(exchange);
    if (!kept) response.dropHead();
  }

  onResponse(exchange: Exchange): void {
    const recording = recordingOf(exchange);
    // Its trailers have come.
    if (recording !== null && !this.#keepHead(exchange.response!)) recording.starve();
  }

  onExchangeEnd(exchange: Exchange): void {
    const nowMs = performance.now();
    pairOf(exchange)?.onExchangeEnd(exchange);
    recordingOf(exchange)?.finish(exchange, nowMs);
    if (exchange.context instanceof Admission) for (const call of exchange.context.live) call.finish(nowMs);
    if (exchange.request !== null) this.#dropHead(exchange.request);
    if (exchange.response !== null) this.#dropHead(exchange.response);
  }

  /** A call of gRPC that somebody else than files wants. */
  #goesLive({ protocol, request }: Exchange, { targets }: Verdict): boolean {
    if (protocol !== 'h2' || this.#emitter.offerLive === undefined || !isGrpc(request!.headers)) return false;
    return targets.some((target) => !this.#records(target));
  }

  /** Its targets get the call as it happens, but for files: those wait for the end. */
  #beginLive(exchange: Exchange, admission: Admission, maxBytes: number): void {
    const { ticket, targets, body, pair } = admission;
    const calls = [true, false].flatMap((streaming) => {
      const wanted = targets.filter((target) => !this.#records(target) && this.#snapshot.targets[target]!.streaming === streaming);
      if (wanted.length === 0) return [];
      return new LiveCall(exchange, {
        budget: this.#budget,
        maxBytes,
        single: !streaming,
        open: () => this.#offerLive(exchange, admission, wanted),
        onRefused: (slot) => wanted.forEach(() => ticket.onCopyEnd(slot)),
      });
    });
    admission.live = calls;
    ticket.expectCopies(targets.length);
    exchange.request!.sink = [...calls, body, pair?.follow() ?? null].reduce<BodySink | null>((rest, sink) => (rest === null || sink === null ? (rest ?? sink) : new Tee(rest, sink)), null);
    for (const call of calls) call.proceed();
  }

  #offerLive({ request }: Exchange, admission: Admission, targets: readonly number[]): LiveFeed[] {
    const nowMs = performance.now();
    return targets.flatMap((target) => {
      const number = this.#numberNow(admission, target);
      if (number < 0) admission.ticket.onCopyEnd(this.#snapshot.off ? OFF : UNMATCHED);
      return number < 0 ? [] : (this.#emitter.offerLive!(number, request!, nowMs, this.#listener(admission, number)) ?? []);
    });
  }

  /** The client has ended its side: the exchange goes on, as far as files and the mirrors' time are concerned. */
  #endLive(exchange: Exchange, admission: Admission): void {
    const { ticket, targets, body, recording, live, snapshot, pair } = admission;
    const nowMs = performance.now();
    for (const call of live) call.end();
    pair?.onRequest(exchange.request!, null, nowMs);
    pair?.seal(nowMs);
    if (recording === null) return this.#dropHead(exchange.request!);
    // Its trailers have come.
    if (!this.#keepHead(exchange.request!)) recording.starve();
    for (const target of targets) {
      if (snapshot.records[target] === null) continue;
      const number = this.#numberNow(admission, target);
      const queue = number < 0 ? null : this.#recorder!.queue(number);
      if (queue === null) ticket.onCopyEnd(this.#snapshot.off ? OFF : UNMATCHED);
      else if (body === null || body.state === 'kept') recording.queues.push(queue);
      else endCopy(this.#snapshot.targets[number]!, body.state === 'too-large' ? TOO_LARGE : NO_MEMORY, ticket);
    }
  }

  #loseLive(exchange: Exchange, { ticket, targets, recording, live, snapshot, pair }: Admission, slot: number): void {
    for (const call of live) call.lose(slot);
    pair?.giveUp('incomplete');
    pair?.seal(performance.now());
    for (const target of targets) if (snapshot.records[target] !== null && recording !== null) ticket.onCopyEnd(slot);
    recording?.release();
    this.#dropHead(exchange.request!);
    if (exchange.response !== null) this.#dropHead(exchange.response);
  }

  /** Nothing of the request is sent. */
  #abandon(exchange: Exchange, { ticket, recording, pair }: Admission, slot: number): void {
    recording?.release();
    pair?.seal(performance.now());
    ticket.settle(slot);
    this.#dropHead(exchange.request!);
    if (exchange.response !== null) this.#dropHead(exchange.response);
  }

  /** Who hears of the end of a copy. @param target its number in the snapshot in force */
  #listener({ ticket, pair }: Admission, target: number): CopyListener {
    return pair === null ? ticket : pair.offer(this.#snapshot.compared[target] ?? null, ticket);
  }

  /** Takes room for what has come of a message's head and trailers. @returns false if there is none */
  #keepHead(message: HttpMessage): boolean {
    const cost = message.headCost;
    if (!this.#budget.take(cost - message.charged)) return false;
    message.charged = cost;
    return true;
  }

  #dropHead(message: HttpMessage): void {
    this.#budget.give(message.charged);
    message.charged = 0;
    message.dropHead();
  }

  #records(target: number): boolean {
    return this.#recorder !== null && this.#snapshot.records[target] !== null;
  }

  #rowOf(policy: number): OutcomeRow {
    return policy < 0 ? this.#account.unattributed : this.#snapshot.accounts[policy]!.requests;
  }

  #stillNamed(admission: Admission): number[] {
    return admission.targets.map((target) => this.#numberNow(admission, target)).filter((number) => number >= 0);
  }

  /** The number of a target in the snapshot in force; -1 where that does not name it. */
  #numberNow({ snapshot }: Admission, target: number): number {
    if (snapshot === this.#snapshot) return target;
    const { key } = snapshot.targets[target]!;
    return this.#snapshot.targets.findIndex((other) => other.key === key);
  }
}

function routerOf({ policies, accounts }: CompiledSnapshot, marker: string): Router {
  return new Router(policies, { marker, shares: accounts.map(({ share }) => share) });
}

function recordingOf({ context }: Exchange): Recording | null {
  return context instanceof Admission ? context.recording : null;
}

function pairOf({ context }: Exchange): Pair | null {
  return context instanceof Admission ? context.pair : null;
}

function settleAtOnce(exchange: Exchange, row: OutcomeRow, slot: number): void {
  row[slot]! += 1;
  exchange.context = SETTLED;
  exchange.request!.dropHead();
}
