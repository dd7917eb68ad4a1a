import type { EndpointWatch } from './endpoint-watch.ts';
import { SmallDistinct } from './small-distinct.ts';

/** One client of one endpoint, in the present window and epoch. */
export class SourceWatch {
  readonly endpoint: EndpointWatch<SourceWatch>;
  readonly address: string;
  readonly hash: number;
  /** It came back since the table was last looked through. */
  used = false;
  window = -1;
  requests = 0;
  /** The last window in which there were too many. */
  overWindow = -2;
  epoch = -1;
  /** Answers, those that deny what was asked for, and how many different paths, ids and Hosts they were asked for. */
  answered = 0;
  denied = 0;
  #deniedPaths: SmallDistinct | null = null;
  #deniedIds: SmallDistinct | null = null;
  #deniedHosts: SmallDistinct | null = null;
  /** Answers that are faults of the server, and how many different targets they were asked for. */
  faults = 0;
  #faultTargets: SmallDistinct | null = null;
  /** Logins that were answered, and those that failed; lengths of the latter modulo 64, as bits. */
  logins = 0;
  failedLogins = 0;
  #lengthsLow = 0;
  #lengthsHigh = 0;
  /** Answers to requests with credentials, those that refuse, and how many different credentials were refused. */
  credentialed = 0;
  refused = 0;
  #refusedCredentials: SmallDistinct | null = null;
  /** A User-Agent that was looked at and found harmless. */
  harmlessAgent = '';

  constructor(endpoint: EndpointWatch<SourceWatch>, address: string, hash: number) {
    this.endpoint = endpoint;
    this.address = address;
    this.hash = hash;
  }

  /** Begins a window or an epoch if the endpoint has. */
  advance(): void {
    const { window, epoch } = this.endpoint;
    if (this.window === window) return;
    this.window = window;
    this.requests = 0;
    if (this.epoch === epoch) return;
    this.epoch = epoch;
    this.answered = 0;
    this.denied = 0;
    this.#deniedPaths?.clear();
    this.#deniedIds?.clear();
    this.#deniedHosts?.clear();
    this.faults = 0;
    this.#faultTargets?.clear();
    this.logins = 0;
    this.failedLogins = 0;
    this.#lengthsLow = 0;
    this.#lengthsHigh = 0;
    this.credentialed = 0;
    this.refused = 0;
    this.#refusedCredentials?.clear();
  }

  /**
   * @param path hash of the path; of one that names a thing by its id, of its template
   * @param id hash of such a path; 0 for others
   */
  deny(path: number, id: number, host: number): void {
    this.denied += 1;
    (this.#deniedPaths ??= new SmallDistinct()).add(path);
    if (id !== 0) (this.#deniedIds ??= new SmallDistinct()).add(id);
    (this.#deniedHosts ??= new SmallDistinct()).add(host);
  }

  fault(target: number): void {
    this.faults += 1;
    (this.#faultTargets ??= new SmallDistinct()).add(target);
  }

  failLogin(length: number): void {
    this.failedLogins += 1;
    if ((length & 32) === 0) this.#lengthsLow |= 1 << (length & 31);
    else this.#lengthsHigh |= 1 << (length & 31);
  }

  refuse(credential: number): void {
    this.refused += 1;
    (this.#refusedCredentials ??= new SmallDistinct()).add(credential);
  }

  /** About how many different ones. */
  get deniedPaths(): number {
    return this.#deniedPaths?.estimate() ?? 0;
  }

  get deniedIds(): number {
    return this.#deniedIds?.estimate() ?? 0;
  }

  get deniedHosts(): number {
    return this.#deniedHosts?.estimate() ?? 0;
  }

  get faultTargets(): number {
    return this.#faultTargets?.estimate() ?? 0;
  }

  get refusedCredentials(): number {
    return this.#refusedCredentials?.estimate() ?? 0;
  }

  /** At least so many different lengths of failed logins. */
  get loginLengths(): number {
    return ones(this.#lengthsLow) + ones(this.#lengthsHigh);
  }
}

function ones(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}
